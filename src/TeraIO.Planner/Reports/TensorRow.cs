using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Reports;

/// <summary>One tensor of the lifetime chart.</summary>
/// <param name="Tensor">Its number in the trace.</param>
/// <param name="Name">Its name, or "tensor" and its number.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Kind">What it is to training.</param>
/// <param name="Alive">When it exists, as spans of state <see cref="TensorState.Resident"/>; two when its life crosses the iteration's end.</param>
/// <param name="Moves">When it is not simply in memory, within its life.</param>
/// <param name="Uses">Seconds at which ops that use it begin, thinned out to what a chart can show.</param>
public sealed record TensorRow(
    int Tensor, string Name, long Bytes, TensorKind Kind, IReadOnlyList<TensorSpan> Alive, IReadOnlyList<TensorSpan> Moves, IReadOnlyList<double> Uses);
