namespace TeraIO.Core.Tracing;

/// <summary>A trace or a plan that cannot be used: not in the format, or in contradiction with itself. The message says where and which rule.</summary>
public sealed class TraceFormatException(string message, Exception? innerException = null) : TeraIOException(message, innerException);
