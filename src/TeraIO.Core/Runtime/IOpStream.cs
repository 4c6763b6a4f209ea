using TeraIO.Core.Residency;

namespace TeraIO.Core.Runtime;

/// <summary>An op as the observer names it.</summary>
/// <param name="Id">The same for the same operator during a session.</param>
/// <param name="Name">With overload, such as <c>aten::add_.Tensor</c>.</param>
/// <param name="IsBackward">It runs inside the backward pass.</param>
internal readonly record struct OpIdentity(uint Id, string Name, bool IsBackward);

/// <summary>
/// Told what the program does to storages, in order. Every call comes under the engine's lock, from the thread that did it, and must not block.
/// </summary>
internal interface IOpStream
{
    /// <summary>The running op has the block as an input; it is in memory or on its way.</summary>
    void Used(TensorBlock block, bool isWritten);

    /// <summary>A block was allocated, mostly by the running op.</summary>
    void Allocated(TensorBlock block);

    /// <summary>A block is gone.</summary>
    void Freed(TensorBlock block);

    /// <summary>An outermost op ended; what it held is no longer pinned.</summary>
    void OpEnded(OpIdentity op);
}
