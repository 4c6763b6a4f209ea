using TeraIO.Optimizer.Layout;

namespace TeraIO.Optimizer.Update;

/// <summary>
/// The update of one subgroup in one step, ready to run on any part of it, at the subgroup's place or at a copy of it. A state
/// record lies in memory as [master parameters] [first moments] [second moments], each FP32 and <see cref="Subgroup.Elements"/> long.
/// </summary>
public sealed unsafe class SubgroupUpdate
{
    private readonly AdamWStep _step;
    private readonly nint _gradients;

    internal SubgroupUpdate(AdamWStep step, Subgroup subgroup, nint state, nint gradients)
    {
        _step = step;
        Subgroup = subgroup;
        State = state;
        _gradients = gradients;
    }

    /// <summary>What is updated.</summary>
    public Subgroup Subgroup { get; }

    /// <summary>Address of the state record.</summary>
    public nint State { get; }

    /// <summary>Bytes of the state record.</summary>
    public long StateBytes => 4L * (_step.KeepsMaster ? 3 : 2) * Subgroup.Elements;

    /// <summary>Updates elements, and writes the new parameters of these to the model, cast to the model's format.</summary>
    /// <param name="state">Address of the state record or of a copy of it.</param>
    /// <param name="from">First element of the subgroup.</param>
    /// <param name="to">One behind the last.</param>
    public void Run(nint state, long from, long to)
    {
        Span<float> scratch = stackalloc float[AdamWKernel.BlockElements];
        foreach (TensorPiece piece in Subgroup.Pieces)
        {
            long begin = Math.Max(from, piece.SubgroupOffset);
            long end = Math.Min(to, piece.SubgroupOffset + piece.Elements);
            if (begin >= end || _step.Scalars[piece.Tensor] is not { } scalars) continue;
            for (long at = begin; at < end; at += AdamWKernel.BlockElements)
                RunBlock(piece, state, at, scalars, scratch[..(int)Math.Min(AdamWKernel.BlockElements, end - at)]);
        }
    }

    private void RunBlock(in TensorPiece piece, nint state, long at, in AdamWScalars scalars, Span<float> scratch)
    {
        int count = scratch.Length;
        long inTensor = piece.TensorOffset + (at - piece.SubgroupOffset);
        HostTensor model = _step.Parameters[piece.Tensor];
        int moments = _step.KeepsMaster ? 1 : 0;
        Span<float> parameters = _step.KeepsMaster ? Field(state, 0, at, count) : model.Floats(inTensor, count);
        ReadOnlySpan<float> gradients = _gradients != 0
            ? Field(_gradients, 0, at, count)
            : _step.Gradients.Read(piece.Tensor, inTensor, scratch);
        AdamWKernel.Update(parameters, Field(state, moments, at, count), Field(state, moments + 1, at, count), gradients, scalars, _step.Arithmetic);
        if (_step.KeepsMaster) model.Write(inTensor, parameters);
    }

    private Span<float> Field(nint record, int field, long at, int count) =>
        new((float*)record + (field * Subgroup.Elements) + at, count);
}
