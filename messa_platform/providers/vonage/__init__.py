"""Vonage, once Nexmo (https://www.vonage.com/communications-apis/sms)."""
