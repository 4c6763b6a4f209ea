namespace TeraIO.Core;

/// <summary>What was asked for cannot work here: a bad option, an unusable path, a library that is missing or of another version.</summary>
public sealed class ConfigurationException(string message, Exception? innerException = null) : TeraIOException(message, innerException);
