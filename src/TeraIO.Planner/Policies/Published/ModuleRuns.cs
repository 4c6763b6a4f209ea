using TeraIO.Core.Tracing;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Policies.Published;

/// <summary>
/// The iteration as module-granular systems see it: runs of ops that work for one module. Where the trace does not name modules, a run ends
/// when an op uses a parameter that the run does not use yet, though it has used others.
/// </summary>
internal sealed class ModuleRuns
{
    private readonly int[] _runOf;
    private readonly List<int> _first = [];

    public ModuleRuns(SimulationContext context)
    {
        Trace trace = context.Trace;
        OpCount = context.OpCount;
        _runOf = new int[OpCount];
        bool areNamed = false;
        foreach (ref readonly TraceOp op in trace.Ops) areNamed |= op.Module is not null;
        var usedIn = new int[context.TensorCount]; // the last run that used a tensor, from 1
        bool hasParameter = false;
        for (int op = 0; op < OpCount; op++)
        {
            ref readonly TraceOp now = ref trace.Ops[op];
            bool begins = op == 0 || now.Phase != trace.Ops[op - 1].Phase || now.MicroBatch != trace.Ops[op - 1].MicroBatch;
            if (areNamed) begins |= op > 0 && now.Module is not null && now.Module != trace.Ops[op - 1].Module;
            else begins |= hasParameter && UsesNewParameter(trace, op, usedIn, _first.Count);
            if (begins)
            {
                _first.Add(op);
                hasParameter = false;
            }

            _runOf[op] = _first.Count - 1;
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            {
                if (!access.IsUse || !trace.Tensors[access.Tensor].IsPersistent) continue;
                usedIn[access.Tensor] = _first.Count;
                hasParameter = true;
            }
        }
    }

    private int OpCount { get; }

    /// <summary>Number of runs.</summary>
    public int Count => _first.Count;

    /// <summary>The run of an op that may lie in the next iteration, counted on.</summary>
    public int RunOf(int op) => op < OpCount ? _runOf[op] : Count + _runOf[op - OpCount];

    /// <summary>First op of a run, counted on.</summary>
    public int FirstOf(int run) => run < Count ? _first[run] : OpCount + _first[run - Count];

    /// <summary>Last op of a run of this iteration.</summary>
    public int LastOf(int run) => (run + 1 < Count ? _first[run + 1] : OpCount) - 1;

    private static bool UsesNewParameter(Trace trace, int op, int[] usedIn, int run)
    {
        foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
        {
            if (access.IsUse && trace.Tensors[access.Tensor].IsPersistent && usedIn[access.Tensor] != run) return true;
        }

        return false;
    }
}
