"""Messages and threads: one way in (`submit`), one way out (`dispatch`), receipts and incoming texts."""
