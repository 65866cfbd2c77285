"""Certificates of servers: what is trusted, and what is wrong with one that is not."""

from __future__ import annotations

import binascii
import ssl

from common.credentials import Credential, CredentialsRefusedError
from common.sources.faults import CertificateError

_EXPIRED, _NOT_YET = 10, 9
_UNKNOWN = frozenset({2, 18, 19, 20, 21, 27})
_OTHER_NAME = frozenset({62, 64})
"""Numbers of X509_verify_cert_error_string(3)."""


def trust(credential: Credential) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, and ``ca.crt`` of a credential beside them.

    Raises:
        CredentialsRefusedError: ``ca.crt`` holds no certificate.
    """
    context = ssl.create_default_context()
    if "ca.crt" in credential:
        try:
            context.load_verify_locations(cadata=credential["ca.crt"].decode())
        except (ssl.SSLError, ValueError, binascii.Error) as error:
            message = "ca.crt of the credentials holds no certificate"
            raise CredentialsRefusedError(message, remedy="Store the authority's certificates as PEM.") from error
    return context


def fault_of(error: BaseException | None, *, where: str) -> CertificateError | None:
    """Return the fault that a failed handshake means; None where it is not about the certificate.

    Args:
        error: as the library raised it; what caused it is looked at too.
        where: names the server in the message.
    """
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    code, words = error.verify_code, str(error.verify_message)[:200]
    if code == _EXPIRED:
        what, remedy = "has expired", "Renew it on the server; nothing here needs to change."
    elif code == _NOT_YET:
        what, remedy = "is not valid yet", "Compare the clocks of the server and of this worker."
    elif code in _OTHER_NAME:
        what = "is for another host name"
        remedy = "Write the name that the certificate is for into the URL, or have the certificate name this host."
    elif code in _UNKNOWN:
        what = "is signed by an authority that is not known here"
        remedy = "Store that authority's certificate as ca.crt under the source's credentials reference."
    else:
        what, remedy = "is not trusted", "Have the server present a certificate that OpenSSL accepts."
    return CertificateError(f"{where}: the server's certificate {what} ({words})", remedy=remedy)
