namespace TeraIO.Cli.Doctor;

/// <summary>How writing and reading past the page cache went.</summary>
/// <param name="Works">The bytes came back equal.</param>
/// <param name="CanWrite">A file could be made there at all.</param>
/// <param name="Reason">What went wrong; empty when it works.</param>
/// <param name="MemoryAlignment">Bytes that memory addresses must be a multiple of.</param>
/// <param name="OffsetAlignment">Bytes that offsets and lengths must be a multiple of.</param>
/// <param name="FreeBytes">Bytes available to this user; -1 when it could not be told.</param>
internal sealed record DirectIoTrial(bool Works, bool CanWrite, string Reason, uint MemoryAlignment = 0, uint OffsetAlignment = 0, long FreeBytes = -1);
