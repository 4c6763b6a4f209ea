namespace TeraIO.Core;

/// <summary>One op needs more memory at once than the whole budget: no plan can help.</summary>
public sealed class BudgetExceededException : TeraIOException
{
    /// <summary>An error that tells which op asked and the smallest budget that would have let it run.</summary>
    public BudgetExceededException(string message, string op, ByteSize smallestBudget)
        : base(message)
    {
        Op = op;
        SmallestBudget = smallestBudget;
    }

    /// <summary>The op whose working set does not fit, such as <c>aten::mm</c>.</summary>
    public string Op { get; }

    /// <summary>The smallest memory budget that would have sufficed here.</summary>
    public ByteSize SmallestBudget { get; }
}
