using TeraIO.Core;

namespace TeraIO.Distributed;

/// <summary>A collective call failed. Other ranks may wait in it for good: end the process, or call <see cref="ICommunicator.Abort"/>.</summary>
public sealed class CommunicationException(string message, Exception? innerException = null) : TeraIOException(message, innerException);
