namespace TeraIO.Cli;

/// <summary>A file that cannot be read or written as asked; the message names it and says what to do.</summary>
internal sealed class InputException(string message, Exception? innerException = null) : Exception(message, innerException);
