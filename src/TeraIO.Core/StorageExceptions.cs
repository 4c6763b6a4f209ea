namespace TeraIO.Core;

/// <summary>The store or its disk has no room left. Nothing was changed: the source of a write still holds its bytes.</summary>
public sealed class StorageFullException(string message, Exception? innerException = null) : TeraIOException(message, innerException);

/// <summary>A file ended before all bytes were transferred: somebody truncated the store, or the device lies about its size.</summary>
public sealed class ShortTransferException(string message, Exception? innerException = null) : TeraIOException(message, innerException);

/// <summary>Bytes that came back differ from those that were written, on every attempt. They must not be used.</summary>
public sealed class CorruptionException(string message, Exception? innerException = null) : TeraIOException(message, innerException);

/// <summary>The kernel refused a transfer for good; <see cref="TeraIOException.SystemErrno"/> says why.</summary>
public sealed class StorageException(string message, Exception? innerException = null) : TeraIOException(message, innerException);

/// <summary>A transfer had not ended by its deadline and was given up. Nothing is lost: a write leaves its source, a read the copy in the store.</summary>
public sealed class TransferDeadlineException(string message, Exception? innerException = null) : TeraIOException(message, innerException);
