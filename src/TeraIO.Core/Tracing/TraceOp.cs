namespace TeraIO.Core.Tracing;

/// <summary>The part of an iteration that an op belongs to.</summary>
public enum OpPhase
{
    /// <summary>Computes activations and the loss.</summary>
    Forward,

    /// <summary>Computes gradients.</summary>
    Backward,

    /// <summary>Uses gradients: clipping, the optimizer.</summary>
    Update,
}

/// <summary>One op of an iteration: the unit of the plan's time axis.</summary>
/// <param name="Name">Such as <c>aten::addmm</c>.</param>
/// <param name="Seconds">
/// How long it runs when all its tensors are in memory, the time between the op before and it included. Finite, not negative.
/// </param>
/// <param name="Phase">Forward, backward or update.</param>
/// <param name="Module">The layer it works for, such as <c>block3</c>; null when not known.</param>
/// <param name="MicroBatch">Number of the micro batch, from 0.</param>
/// <param name="WorkspaceBytes">Most bytes in memory during the op that belong to none of the trace's tensors and are free when it ends.</param>
public readonly record struct TraceOp(
    string Name, double Seconds, OpPhase Phase = OpPhase.Forward, string? Module = null, int MicroBatch = 0, long WorkspaceBytes = 0);
