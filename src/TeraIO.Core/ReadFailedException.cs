namespace TeraIO.Core;

/// <summary>
/// A read failed that a CUDA stream waited for: the kernels behind that wait ran all the same, with bytes that are not the tensor's. Nothing that the session computed since may be used, and it ends here: start
/// again from the last checkpoint.
/// </summary>
public sealed class ReadFailedException(string message, Exception? innerException = null) : TeraIOException(message, innerException);
