"""XXH3: python3-xxhash, else the C library, which Debian's apt needs and so is there."""

import ctypes
import ctypes.util
from typing import Any, Callable, Optional


class _Digest(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def hash_64() -> Optional[Callable[[bytes], int]]:
    """XXH3, 64 bits, of bytes; None where neither is installed."""
    try:
        import xxhash

        return xxhash.xxh3_64_intdigest
    except ImportError:
        pass
    library = _library()
    if library is None:
        return None
    function = library.XXH3_64bits
    function.argtypes, function.restype = (ctypes.c_char_p, ctypes.c_size_t), ctypes.c_uint64
    return lambda data: function(data, len(data))


def hash_128() -> Optional[Any]:
    """XXH3, 128 bits, of bytes that come in parts: update(bytes), hexdigest(). None where neither is installed."""
    try:
        import xxhash

        return xxhash.xxh3_128()
    except ImportError:
        pass
    library = _library()
    return None if library is None else _Stream(library)


def _library() -> Optional[ctypes.CDLL]:
    try:
        library = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
        return library if library.XXH3_64bits and library.XXH3_128bits_digest else None
    except (OSError, AttributeError):
        return None


class _Stream:
    def __init__(self, library: ctypes.CDLL):
        library.XXH3_createState.restype = ctypes.c_void_p
        library.XXH3_128bits_reset.argtypes = (ctypes.c_void_p,)
        library.XXH3_128bits_update.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
        library.XXH3_128bits_digest.argtypes = (ctypes.c_void_p,)
        library.XXH3_128bits_digest.restype = _Digest
        library.XXH3_freeState.argtypes = (ctypes.c_void_p,)
        self.library, self.state = library, library.XXH3_createState()
        if not self.state:
            raise MemoryError("XXH3_createState")
        library.XXH3_128bits_reset(self.state)

    def __del__(self) -> None:
        self.library.XXH3_freeState(self.state)

    def update(self, data: bytes) -> None:
        self.library.XXH3_128bits_update(self.state, data, len(data))

    def hexdigest(self) -> str:
        digest = self.library.XXH3_128bits_digest(self.state)
        return f"{digest.high:016x}{digest.low:016x}"
