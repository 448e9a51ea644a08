"""How Daraja says no before it processes anything: each named refusal and its exact answer (contract §1, §5.4).

It must not know when a request deserves one.
"""

from dataclasses import dataclass

from pos_app.simulator.messages import Reply, encode

_WAF = """<html><head><title>Access denied</title></head><body><iframe src="/_Incapsula_Resource?CWUDNSAI=22"></iframe>\
Request unsuccessful. Incapsula incident ID: 1042000470148712345-67812345</body></html>"""


@dataclass(frozen=True)
class Refusal:
    """An envelope when `error_code` is set, otherwise `message` as it stands."""

    status: int
    error_code: str
    message: str
    content_type: str = "application/json;charset=UTF-8"

    def reply(self, request_id: str, token: str = "") -> Reply:
        """E9: 401.002.01 gives the bearer token away."""
        message = self.message.replace("{token}", token)
        envelope = {"requestId": request_id, "errorCode": self.error_code, "errorMessage": message}
        body = encode(envelope) if self.error_code else self.message.encode()
        return Reply(self.status, body, {"content-type": self.content_type})


def bad_field(name: str) -> Refusal:
    return Refusal(400, "400.002.02", f"Bad Request - Invalid {name}")


REFUSALS = {
    "grant_type": Refusal(400, "400.008.02", "Invalid grant type passed"),
    "not_basic": Refusal(400, "400.008.01", "Invalid Authentication passed"),
    "wrong_credentials": Refusal(400, "", ""),
    "token": Refusal(404, "404.001.03", "Invalid Access Token"),
    "token_401": Refusal(401, "401.002.01", "Error Occurred - Invalid Access Token - {token}"),
    "token_400": Refusal(400, "400.003.01", "Invalid Access Token"),
    "token_no_product": Refusal(
        401,
        "401.002.01",
        "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found",
    ),
    "wrong_path": Refusal(404, "404.001.01", "Resource not found"),
    "wrong_method": Refusal(405, "405.001", "Method Not Allowed"),
    "payload": Refusal(400, "400.002.05", "Invalid Request Payload"),
    "bad_request": Refusal(400, "400.003.02", "Bad Request"),
    "wrong_path_c2b": Refusal(404, "404.003.01", "Resource not found"),
    "wrong_method_c2b": Refusal(404, "404.001.04", "Invalid Access Method"),
    "urls_registered": Refusal(500, "500.003.1001", "Urls are already registered"),
    "duplicate_notification": Refusal(
        500, "500.003.1001", "Duplicate notification info, SP ID is 100420, correlator is 8f3b21"
    ),
    "pull_shortcode": Refusal(400, "400.001", "Invalid ShortCode"),
    "token_pull": Refusal(401, "401.001", "Invalid Access Token"),
    "pull_empty": Refusal(500, "500.003.1001", "failed to retrieve transactions: no available transactions"),
    "no_merchant": Refusal(500, "500.001.1001", "Merchant does not exist"),
    "wrong_passkey": Refusal(500, "500.001.1001", "[MerchantValidate] - Wrong credentials"),
    "wrong_passkey_query": Refusal(500, "500.001.1001", "Wrong credentials"),
    "locked": Refusal(
        500,
        "500.001.1001",
        "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    ),
    "locked_prefixed": Refusal(
        500,
        "500.001.1001",
        "[STK] - Unable to lock subscriber, a transaction is already in process for the current subscriber",
    ),
    "no_iccid": Refusal(500, "500.001.1001", "[CBS - ] No ICCID found"),
    "maintenance": Refusal(500, "500.001.1001", "The service is under maintenance"),
    "being_processed": Refusal(500, "500.001.1001", "The transaction is being processed"),
    "empty_message": Refusal(200, "500.001.1001", ""),
    "unknown_id": Refusal(500, "500.001.1001", "The transaction does not Exist"),
    "internal_error": Refusal(500, "500.002.1001", "System internal error."),
    "duplicate_originator": Refusal(500, "500.002.1001", "Duplicate OriginatorConversationID."),
    "not_authorised": Refusal(403, "403.002.1001", "You are not authorized to initiate this transaction"),
    "busy": Refusal(500, "500.003.02", "System is busy. Please try again in few minutes."),
    "spike_arrest": Refusal(500, "500.003.02", "Error Occurred: Spike Arrest Violation"),
    "quota": Refusal(500, "500.003.03", "Error Occurred: Quota Violation"),
    "internal": Refusal(500, "500.003.1001", "Internal Server Error"),
    "waf_403": Refusal(403, "", _WAF, "text/html"),
    "waf_503": Refusal(
        503, "", "Request unsuccessful. Incapsula incident ID: 1042000470148712345-67812345", "text/html"
    ),
    "unreachable": Refusal(500, "", "Service is currently unreachable", "text/plain"),
    "bad_gateway": Refusal(502, "", "<html><body>502 Bad Gateway</body></html>", "text/html"),
    "gateway_timeout": Refusal(504, "", "<html><body>504 Gateway Time-out</body></html>", "text/html"),
}

# A refreshed token gets through after these; after token_no_product it does not.
TOKEN_REFUSALS = ("token", "token_401", "token_400", "token_pull")
