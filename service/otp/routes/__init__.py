"""HTTP of codes."""

from service.otp.routes.receipts import router as receipts
from service.otp.routes.verifications import router as verifications

__all__ = ["receipts", "verifications"]
