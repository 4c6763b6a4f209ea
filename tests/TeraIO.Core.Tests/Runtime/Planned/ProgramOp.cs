namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>One op of a test program; tensors are named by numbers.</summary>
internal sealed record ProgramOp(string Name)
{
    /// <summary>It brings data to where the program sees them.</summary>
    public bool BringsOut { get; init; }

    public int[] Reads { get; init; } = [];

    public int[] Writes { get; init; } = [];

    /// <summary>Changed although the op says that it only reads them, as a batch norm does with its running statistics.</summary>
    public int[] HiddenWrites { get; init; } = [];

    public int[] Creates { get; init; } = [];

    /// <summary>Freed after the op.</summary>
    public int[] Frees { get; init; } = [];

    public bool IsBackward { get; init; }

    public int SizeOfCreated { get; init; } = ProgramRunner.Block;
}
