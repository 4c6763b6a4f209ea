namespace TeraIO.Cli;

/// <summary>The working set of an op is larger than the budget; the message says which op and what budget would do.</summary>
internal sealed class InfeasibleBudgetException(string message) : Exception(message);
