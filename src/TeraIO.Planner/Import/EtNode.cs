namespace TeraIO.Planner.Import;

/// <summary>One node of an execution trace: an operator, or a mark such as a thread, an annotation or an autograd function.</summary>
internal struct EtNode
{
    /// <summary>Given when the node began: order of ids is order of time.</summary>
    public long Id;
    public long Parent;
    public string Name;
    public string Schema;
    public bool IsTriton;

    /// <summary>Its tensors in the reader's list: inputs, then outputs.</summary>
    public int FirstTensor;
    public int InputCount;
    public int OutputCount;

    /// <summary>Of the first inputs; kept for operators whose work depends on them.</summary>
    public long[][]? InputShapes;
}

/// <summary>A tensor as a node names it.</summary>
/// <param name="Tensor">Identity of the tensor object.</param>
/// <param name="Storage">Identity of the address of its storage; an address that was freed and allocated again keeps its identity.</param>
/// <param name="Bytes">From the storage's begin to the end of the elements, as if dense.</param>
/// <param name="ViewBytes">Elements times their size.</param>
/// <param name="Device">Index into the reader's names of devices.</param>
/// <param name="ElementSize">In bytes.</param>
/// <param name="Argument">Place among the node's inputs (or outputs); tensors of a list share one.</param>
internal readonly record struct EtTensor(long Tensor, long Storage, long Bytes, long ViewBytes, int Device, int ElementSize, int Argument);
