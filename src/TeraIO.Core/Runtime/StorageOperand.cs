namespace TeraIO.Core.Runtime;

/// <summary>A storage as an op sees it.</summary>
/// <param name="Storage">Identity of the storage while it lives.</param>
/// <param name="Address">Address of its bytes, or of its tombstone.</param>
/// <param name="Bytes">Full size in bytes.</param>
/// <param name="IsWritten">The op may change the bytes.</param>
/// <param name="IsMovable">The storage can be released and restored.</param>
/// <param name="IsScalar">A result of one element in larger storage: programs read it without an op.</param>
internal readonly record struct StorageOperand(nint Storage, nint Address, long Bytes, bool IsWritten, bool IsMovable, bool IsScalar = false);
