"""messa: an e-mail becomes an SMS, and the answer becomes an e-mail."""
