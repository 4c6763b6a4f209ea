namespace TeraIO.Cli;

/// <summary>Options that contradict each other or lack one; the message says which and what to write.</summary>
internal sealed class UsageException(string message) : Exception(message);
