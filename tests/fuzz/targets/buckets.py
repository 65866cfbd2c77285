"""Lists of a hostile S3 server, of what is there and of what was."""

from __future__ import annotations

from common.sources.kinds.s3.listing import ListingError, read_page
from tests.fuzz.harness import target

_ENTRY = (
    b"<Key>a/b%20c+d.yaml</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    b"<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>0</Size><StorageClass>STANDARD</StorageClass>"
)
_PRESENT = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Name>pay</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
    b"<NextContinuationToken>1/x==</NextContinuationToken><Contents>" + _ENTRY + b"</Contents></ListBucketResult>"
)
_HISTORY = (
    b"<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
    b"<NextVersionIdMarker>2</NextVersionIdMarker><Version><VersionId>2</VersionId><IsLatest>true</IsLatest>"
    + _ENTRY
    + b"</Version><DeleteMarker><Key>b</Key><VersionId>1</VersionId>"
    b"<LastModified>2026-01-01T00:00:00Z</LastModified></DeleteMarker></ListVersionsResult>"
)


@target(
    seeds=[_PRESENT, _HISTORY],
    refuses=(ListingError,),
    words=[
        b"<Contents>", b"</Contents>", b"<Key>", b"</Key>", b'encoding="utf-7"', b'encoding="idna"', b"&#65;", b"%ff",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<![CDATA[", b"]]>", b"<!--", b"xmlns:a='b'", b"<Size>", b"</Size>",
    ],
)  # fmt: skip
def buckets(data: bytes) -> None:
    """Read it as either of the two lists."""
    for entry in read_page(data, ("ListBucketResult", "ListVersionsResult")).entries:
        assert entry.key
        assert 0 <= entry.size < 10**15
