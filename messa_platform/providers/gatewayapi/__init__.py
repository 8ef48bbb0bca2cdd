"""GatewayAPI (https://gatewayapi.com)."""
