"""How a person gets into an account: passwords, links, second factors, single sign-on, and the sessions that follow."""
