"""How a source in a bucket is written."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from common.registry.schema.base import Base, address
from common.sources.kinds.s3.values import bucket_name, endpoint_address, folder_prefix, region_name


class S3SourceSpec(Base):
    """A folder of a bucket behind the S3 API."""

    endpoint: Annotated[str, address(endpoint_address)] = Field(
        description="URL of the server: https://HOST; the bucket is named in the path of requests."
    )
    bucket: Annotated[str, address(bucket_name)] = Field(description="Name of the bucket.")
    prefix: Annotated[str, address(folder_prefix)] = Field(
        default="", description="Folder in the bucket. Absent: all of it."
    )
    region: Annotated[str, address(region_name)] = Field(
        default="us-east-1", description="Region that requests are signed for."
    )


class S3Part(Base):
    """The keys of a source in a bucket."""

    s3: S3SourceSpec | None = Field(default=None, description="A folder of a bucket, instead of a repository.")
