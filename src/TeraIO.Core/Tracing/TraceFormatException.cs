namespace TeraIO.Core.Tracing;

/// <summary>
/// A trace or a plan that cannot be used: not in the format, or in contradiction with itself. The message says where and which rule.
/// <see cref="TeraIOException.Path"/> and <see cref="TeraIOException.Offset"/> are set when it was read from a file.
/// </summary>
public sealed class TraceFormatException(string message, Exception? innerException = null) : TeraIOException(message, innerException)
{
    /// <summary>Line of the file, from 1; null when it is not text or not known.</summary>
    public long? Line { get; init; }
}
