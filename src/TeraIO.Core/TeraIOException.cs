namespace TeraIO.Core;

/// <summary>
/// The base of every error TeraIO raises on its own. The message always says what failed, where, and what to do about
/// it; the properties carry the same facts for programs.
/// </summary>
public class TeraIOException : Exception
{
    /// <summary>An error with its text and, where there is one, its cause.</summary>
    public TeraIOException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>The file or directory concerned.</summary>
    public string? Path { get; init; }

    /// <summary>Where in <see cref="Path"/>, in bytes.</summary>
    public long? Offset { get; init; }

    /// <summary>How much was asked for at <see cref="Offset"/>, in bytes.</summary>
    public long? Length { get; init; }

    /// <summary>The kernel's errno, when the kernel reported one.</summary>
    public int? SystemErrno { get; init; }

    /// <summary>The tensor whose bytes were moved.</summary>
    public long? TensorId { get; init; }
}
