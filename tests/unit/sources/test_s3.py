"""What a source in a bucket is, and how its requests are signed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from common.domain.addresses import AddressError
from common.sources.kinds import source_ref
from common.sources.kinds.s3.signing import Keys, quoted_path, quoted_query, signed
from common.sources.kinds.s3.values import (
    S3Ref,
    S3Source,
    address_of,
    bucket_name,
    endpoint_address,
    folder_prefix,
    region_name,
)

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = "examplebucket.s3.amazonaws.com"
NOW = datetime(2013, 5, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ({"lifecycle": ""}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ({"prefix": "J", "max-keys": "2"}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_signatures_are_those_of_the_protocols_own_examples(query: dict[str, str], signature: str) -> None:
    headers = signed(KEYS, host=HOST, target=f"/?{quoted_query(query)}", region="us-east-1", now=NOW)
    assert headers["Authorization"].endswith(f"Signature={signature}")
    assert headers["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
    )
    assert "host" not in headers


def test_a_token_is_signed_too() -> None:
    headers = signed(Keys("a", "b", "t"), host=HOST, target="/", region="us-east-1", now=NOW)
    assert headers["x-amz-security-token"] == "t"
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token" in headers["Authorization"]


def test_keys_do_not_show() -> None:
    assert "secret" not in repr(Keys("a", "secret-1", "secret-2")).replace("secret=", "")


def test_escapes_are_those_that_are_signed() -> None:
    assert quoted_path("pay", "a b/c+d~é%.yaml") == "/pay/a%20b/c%2Bd~%C3%A9%25.yaml"
    assert quoted_query({"b": "x/y z", "a": "="}) == "a=%3D&b=x%2Fy%20z"


def test_a_ref_is_read_as_it_is_stored() -> None:
    ref = S3Source("https://s3.example.com", "pay", "deploy/web", "eu-1", "s3/pay").to_resolve
    assert ref == S3Ref("s3://s3.example.com/pay/deploy/web", "s3/pay", "eu-1")
    assert source_ref(ref.repo, ref.credentials, ref.text) == ref


@pytest.mark.parametrize(
    "text",
    ["s3.example.com", "http://s3.example.com", "https://a:b@s3.example.com", "https://s3.example.com/x", "ftp://a"],
)
def test_an_endpoint_is_https_and_a_host_alone(text: str) -> None:
    with pytest.raises(AddressError):
        endpoint_address(text)


@pytest.mark.parametrize("text", ["", "ab", "Pay", "pay/x", "pay_x", "..", "a..b", "-pay", "pay-", "p" * 64, "pay\n"])
def test_a_bucket_is_named_as_servers_take_it(text: str) -> None:
    with pytest.raises(AddressError):
        bucket_name(text)


@pytest.mark.parametrize("text", ["", "EU", "eu 1", "eu/1", "eu-", "a" * 41, "eu-1\r\nx"])
def test_a_region_is_plain(text: str) -> None:
    with pytest.raises(AddressError):
        region_name(text)


@pytest.mark.parametrize("text", ["..", "a/../b", ".", "a//b", ".git", "a b", "a*", "a\\b", "a\0", "-a", "a/-b"])
def test_a_prefix_is_a_plain_folder(text: str) -> None:
    with pytest.raises(AddressError):
        folder_prefix(text)


def test_slashes_around_a_prefix_mean_nothing() -> None:
    endpoint = "https://s3.example.com/"
    found = {address_of(endpoint, "pay", folder_prefix(text)) for text in ("a/b", "/a/b", "a/b/", "/a/b/")}
    assert found == {"s3://s3.example.com/pay/a/b"}
    assert {address_of(endpoint, "pay", folder_prefix(text)) for text in ("/", "")} == {"s3://s3.example.com/pay"}
