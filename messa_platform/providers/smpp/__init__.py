"""SMPP 3.4: sessions to a short message service centre, by a contract with an operator or an aggregator."""
