"""Mail in over SMTP, reading it, and the mails that we write."""
