"""SOPS files with age keys, decrypted in memory.

Format: https://github.com/getsops/sops, ``sops.go`` (the walk, the message authentication code), ``aes/cipher.go`` (the
form of a value) and ``stores`` (where the metadata is). Only age is understood: other key services are outside.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.domain.errors import sentences
from common.sources.trees import Tree
from common.yaml import Document, YamlError, load_documents
from workers.render.faults import DecryptError, RenderError
from workers.render.manifests import FILE_LIMITS

_VALUE = re.compile(
    r"ENC\[AES256_GCM,data:(?P<data>[^,]*),iv:(?P<iv>[^,]+),tag:(?P<tag>[^,]+),type:(?P<type>str|int|float|bool|bytes)\]"
)
_NOTHING = {"data": "", "iv": "", "tag": "", "type": "str"}
"""In the place of a value without the form of one: nothing opens it."""
_MARK = b"ENC[AES256_GCM,"
_ONLY_ENCRYPTED = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")
"""What a code over encrypted values only begins with (``MACOnlyEncryptedInitialization``)."""
_DOTENV = re.compile(rb"^sops_mac=ENC\[", re.MULTILINE)
_IDENTITY = re.compile(r"^AGE-SECRET-KEY-1[A-Z0-9]+$", re.MULTILINE)
_TEXTS = (".yaml", ".yml", ".json")
_KEY = "sops"
_LONGEST_WAY = 4_096
"""Characters: the way to a value is authenticated with it, again for each."""
_IDENTITY_OF_OBJECTS = frozenset({("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")})
_CORRECT = "Encrypt the file again with `sops`, and commit."


@dataclass(frozen=True, slots=True)
class Decryptor:
    """The keys of one application.

    Attributes:
        reference: of the credential that holds them.
        identities: age's secret keys.
    """

    reference: str
    identities: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, reference: str, credential: Mapping[str, bytes]) -> Decryptor:
        """Return the keys that a credential holds, in whichever of its files, as ``age-keygen`` writes them.

        Raises:
            DecryptError: it holds none.
        """
        texts = [value.decode(errors="replace") for _, value in sorted(credential.items())]
        found = tuple(line for text in texts for line in _IDENTITY.findall(text))
        if not found:
            message = f"credentials {reference!r} hold no age key"
            raise DecryptError(message, remedy="Store what `age-keygen` wrote, under any name.")
        return cls(reference, found)

    def decrypted(self, path: str, content: bytes, *, opened: set[str] | None = None) -> bytes:
        """Return what a file holds: itself where it is not encrypted, else JSON documents, each on its former line.

        Args:
            path: of the file.
            content: of the file.
            opened: takes every text that was encrypted in it.

        Raises:
            DecryptError: no key of these opens it, it was altered, or it has a form that is not understood.
            RenderError: it is no YAML.
        """
        if _DOTENV.search(content):
            message = f"{path}: an encrypted file of variables is not decrypted here"
            raise DecryptError(message, remedy="Encrypt a YAML or JSON file in its place.")
        if _MARK not in content or b"sops" not in content:
            return content
        try:
            documents = load_documents(content, FILE_LIMITS)
        except YamlError as error:
            faults = [f"{path}:{fault.line}: {sentences(fault.what, fault.remedy)}" for fault in error.faults]
            raise RenderError(faults) from error
        metadata = next((found for found in map(_metadata, documents) if found), None)
        if metadata is None:
            return content
        values = self._opened(path, documents, metadata, set() if opened is None else opened)
        if not path.endswith(_TEXTS) and set(values[0]) == {"data"} and isinstance(values[0]["data"], str):
            return str(values[0]["data"]).encode()  # SOPS wraps what is neither YAML nor JSON like this
        return _on_their_lines(documents, values)

    def _opened(
        self, path: str, documents: Sequence[Document], metadata: Mapping[str, Any], secrets: set[str]
    ) -> list[dict[str, Any]]:
        cipher = AESGCM(self._data_key(path, metadata))
        walk = _Walk(path, cipher, secrets, only_encrypted=metadata.get("mac_only_encrypted") is True)
        values = []
        for document in documents:
            if not isinstance(document.value, Mapping):
                message = f"{path}:{document.line}: an encrypted document is a mapping"
                raise DecryptError(message, remedy=_CORRECT)
            values.append(walk.document({k: v for k, v in document.value.items() if k != _KEY}))
        modified = f"{metadata.get('lastmodified', '')}"
        said = _unsealed(cipher, str(metadata.get("mac", "")), modified, f"{path}: the code over its values")
        if not isinstance(said, str) or not hmac.compare_digest(said.upper(), walk.mac.hexdigest().upper()):
            message = f"{path}: the file was altered after it was encrypted: its code does not fit its values"
            raise DecryptError(message, remedy=_CORRECT)
        return values

    def _data_key(self, path: str, metadata: Mapping[str, Any]) -> bytes:
        recipients = metadata.get("age")
        sealed = [each.get("enc") for each in recipients or () if isinstance(each, Mapping)]
        if not sealed:
            message = f"{path}: the file is encrypted for no age key"
            raise DecryptError(message, remedy="Add an age recipient: other key services are not asked here.")
        identities = [pyrage.x25519.Identity.from_str(identity) for identity in self.identities]
        for text in sealed:
            try:
                key: bytes = pyrage.decrypt(str(text).encode(), identities)
            except pyrage.DecryptError:
                continue
            return key
        message = f"{path}: none of the keys in credentials {self.reference!r} opens the file"
        raise DecryptError(message, remedy="Encrypt it for one of these keys too: `sops updatekeys`.")


def _metadata(document: Document) -> Mapping[str, Any] | None:
    found = document.value.get(_KEY) if isinstance(document.value, Mapping) else None
    return found if isinstance(found, Mapping) and "mac" in found else None


def _on_their_lines(documents: Sequence[Document], values: Sequence[Mapping[str, Any]]) -> bytes:
    text, line = b"", 1
    for document, value in zip(documents, values, strict=True):
        if text:
            text, line = text + b"\n---\n", line + 2
        missing = max(0, document.line - line)
        text, line = text + b"\n" * missing + orjson.dumps(value), line + missing
    return text + b"\n"


class _Walk:
    """Opens every value of a file in order, and works out the code that SOPS made over them."""

    def __init__(self, path: str, cipher: AESGCM, secrets: set[str], *, only_encrypted: bool) -> None:
        self._path = path
        self._named: frozenset[tuple[str, ...]] = frozenset()
        self._secrets = secrets
        self._cipher = cipher
        self._only_encrypted = only_encrypted
        self.mac = hashlib.sha512(_ONLY_ENCRYPTED if only_encrypted else b"")

    def document(self, value: Mapping[str, Any]) -> Any:
        """Return a document with its values opened; what names an object is no secret, encrypted or not."""
        self._named = _IDENTITY_OF_OBJECTS if {"apiVersion", "kind", "metadata"} <= value.keys() else frozenset()
        return self.opened(value, ())

    def opened(self, value: Any, keys: tuple[str, ...]) -> Any:
        if isinstance(value, Mapping):
            return {key: self.opened(item, (*keys, str(key))) for key, item in value.items()}
        if isinstance(value, list):
            return [self.opened(item, keys) for item in value]
        if value is None:
            return None
        sealed = isinstance(value, str) and _VALUE.fullmatch(value) is not None
        if sum(map(len, keys)) > _LONGEST_WAY:
            message = f"{self._path}: the keys on the way to a value have more than {_LONGEST_WAY:,} characters"
            raise DecryptError(message, remedy="Use shorter keys.")
        place = "".join(f"{key}:" for key in keys)
        found = _unsealed(self._cipher, value, place, f"{self._path}: {'.'.join(keys)}"[:300]) if sealed else value
        if sealed or not self._only_encrypted:
            self.mac.update(_bytes_of(found))
        shown = found.decode(errors="replace") if isinstance(found, bytes) else found
        if sealed and not isinstance(shown, bool) and keys not in self._named:
            self._secrets.add(str(shown))
        return shown


def _unsealed(cipher: AESGCM, text: str, additional: str, what: str) -> Any:
    """Return one value in its type.

    Raises:
        DecryptError: it was altered, moved, or has another form.
    """
    match = _VALUE.fullmatch(text) or _NOTHING
    try:
        data, iv, tag = (b64decode(match[part], validate=True) for part in ("data", "iv", "tag"))
        opened = cipher.decrypt(iv, data + tag, additional.encode())
        return _typed(opened, match["type"])
    except (ValueError, Base64Error, InvalidTag, UnicodeDecodeError) as error:
        message = f"{what} was altered or moved after it was encrypted"
        raise DecryptError(message, remedy=_CORRECT) from error


def _typed(data: bytes, kind: str) -> Any:
    if kind == "bytes":
        return data
    text = data.decode()
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    return text.lower() == "true" if kind == "bool" else text


def _bytes_of(value: Any) -> bytes:
    """Return a value as Go's formatting writes it, which is what the code was made over."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        return (str(int(value)) if value.is_integer() else json.dumps(value)).encode()
    return str(value).encode()


@dataclass(frozen=True, slots=True)
class DecryptedTree(Tree):
    """A repository at a commit, whose encrypted files are read as what they hold.

    Attributes:
        secrets: every text that was encrypted in what was read so far.
    """

    decryptor: Decryptor | None = field(default=None, repr=False, compare=False)
    secrets: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def over(cls, tree: Tree, decryptor: Decryptor, secrets: set[str] | None = None) -> DecryptedTree:
        """Return ``tree`` seen with keys; what it opens comes into ``secrets``."""
        return cls(
            tree.repo, tree.commit, tree.root, tree.store, tree.limits, decryptor, set() if secrets is None else secrets
        )

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of files by path; errors as ``Tree.read_many`` and ``Decryptor.decrypted``."""
        contents = Tree.read_many(self, paths)
        if self.decryptor is None:
            return contents
        opened = self.decryptor.decrypted
        return {path: opened(path, content, opened=self.secrets) for path, content in contents.items()}
