"""Twilio (https://www.twilio.com)."""
