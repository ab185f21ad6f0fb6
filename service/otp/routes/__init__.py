"""HTTP of codes."""

from service.otp.routes.verifications import router as verifications

__all__ = ["verifications"]
