namespace TeraIO.Core;

/// <summary>A kernel of the training failed on the GPU: what it was to compute is not there, and CUDA runs nothing more in this process.</summary>
public sealed class KernelFailedException(string message, Exception? innerException = null) : TeraIOException(message, innerException);
