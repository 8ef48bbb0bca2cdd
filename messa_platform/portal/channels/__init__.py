"""The pages of channels: the same for the platform's, at `/operator/channels`, and for a tenant's own, at its Master's `@@channels`."""
