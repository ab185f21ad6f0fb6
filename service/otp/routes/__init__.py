"""HTTP of codes."""

from service.otp.routes.holder import router as holder
from service.otp.routes.receipts import router as receipts
from service.otp.routes.verifications import router as verifications

__all__ = ["holder", "receipts", "verifications"]
