using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds.Tests;

/// <summary>Iterations small enough to find the best schedule by hand; every op takes a second.</summary>
internal sealed class Iteration(long baseline = 0)
{
    private readonly TraceBuilder _builder = new(new TraceHeader("by hand", BaselineBytes: baseline));

    public int Persistent(long bytes, bool isMovable = true) => _builder.AddTensor(new TraceTensor(bytes, TensorKind.Parameter, IsPersistent: true, IsMovable: isMovable));

    public int Transient(long bytes) => _builder.AddTensor(new TraceTensor(bytes, TensorKind.Activation, IsPersistent: false));

    public Iteration Op(params (int Tensor, AccessKind Kind)[] accesses) => Op(seconds: 1, accesses);

    public Iteration Op(double seconds, params (int Tensor, AccessKind Kind)[] accesses)
    {
        _builder.AddOp(new TraceOp($"op{_builder.OpCount}", seconds));
        foreach ((int tensor, AccessKind kind) in accesses) _builder.Access(tensor, kind);
        return this;
    }

    public Trace Build() => _builder.Build();

    public static MachineModel Machine(long budget, double read, double write, double interference = 0) =>
        new() { MemoryBudget = budget, Storage = new TierModel { ReadBandwidth = read, WriteBandwidth = write, Interference = interference } };
}
