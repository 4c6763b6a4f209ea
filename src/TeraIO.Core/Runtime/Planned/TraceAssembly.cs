using System.Diagnostics;
using TeraIO.Core.Residency;
using TeraIO.Core.Tracing;
using Trace = TeraIO.Core.Tracing.Trace;

namespace TeraIO.Core.Runtime.Planned;

/// <summary>
/// Makes a <see cref="Trace"/> of a recorded step that is one of many equal ones: which blocks are the same tensor from step to step, what kind
/// of tensor each is, and when it lives.
/// </summary>
internal sealed class TraceAssembly
{
    private const int None = -1;

    private sealed class Life(TensorBlock block)
    {
        public TensorBlock Block { get; } = block;
        public int Create { get; set; } = None;
        public int Free { get; set; } = None;
        public int Tensor { get; set; } = None;
        public bool InForward { get; set; }
        public bool InBackward { get; set; }
        public bool InUpdate { get; set; }
        public bool IsWrittenInBackward { get; set; }

        /// <summary>The life in which this one goes on, one step later (or earlier, for the one that ends).</summary>
        public Life? Other { get; set; }

        /// <summary>Nobody but the op that allocates it ever sees it.</summary>
        public bool IsWorkspace { get; set; }
    }

    private readonly StepRecord _record;
    private readonly Dictionary<TensorBlock, Life> _lives = [];
    private readonly OpPhase[] _phases;
    private readonly int[] _microBatches;
    private readonly List<int> _goWithTheStep = [];

    private TraceAssembly(StepRecord record)
    {
        _record = record;
        _phases = new OpPhase[record.Ops.Count];
        _microBatches = new int[record.Ops.Count];
    }

    /// <summary>The trace, and for each of the record's events that is no free the tensor it concerns (-1: a temporary within one op).</summary>
    public static (Trace Trace, int[] TensorOfEvent) Assemble(StepRecord record, string name)
    {
        var assembly = new TraceAssembly(record);
        assembly.FindPhases();
        assembly.FindLives();
        assembly.PairAcrossSteps();
        return assembly.Build(name);
    }

    /// <summary>Backward is what runs in autograd's nodes; what follows the last of it is the update.</summary>
    private void FindPhases()
    {
        int lastBackward = _record.Ops.FindLastIndex(static op => op.Identity.IsBackward);
        int microBatch = 0;
        bool wasBackward = false;
        for (int i = 0; i < _phases.Length; i++)
        {
            bool isBackward = _record.Ops[i].Identity.IsBackward;
            if (!isBackward && wasBackward && i < lastBackward) microBatch++;
            wasBackward = isBackward;
            _phases[i] = isBackward ? OpPhase.Backward : lastBackward >= 0 && i > lastBackward ? OpPhase.Update : OpPhase.Forward;
            _microBatches[i] = microBatch;
        }
    }

    private void FindLives()
    {
        for (int op = 0; op < _phases.Length; op++)
        {
            foreach (StreamEvent e in _record.EventsOf(op))
            {
                if (!_lives.TryGetValue(e.Block, out Life? life)) _lives.Add(e.Block, life = new Life(e.Block));
                switch (e.Kind)
                {
                    case StreamEventKind.Allocate:
                        life.Create = op;
                        break;
                    case StreamEventKind.Free:
                        life.Free = op;
                        continue;
                    default:
                        life.IsWrittenInBackward |= e.Kind == StreamEventKind.Write && _phases[op] == OpPhase.Backward;
                        break;
                }

                life.InForward |= _phases[op] == OpPhase.Forward;
                life.InBackward |= _phases[op] == OpPhase.Backward;
                life.InUpdate |= _phases[op] == OpPhase.Update;
            }
        }
    }

    /// <summary>
    /// A block that dies in this step without having been born in it is the predecessor of the one that was allocated at the same place of this
    /// step and is still alive: one tensor whose life wraps around.
    /// </summary>
    private void PairAcrossSteps()
    {
        var stillAlive = new Dictionary<(int Op, int Ordinal), Life>();
        foreach (Life life in _lives.Values)
        {
            life.IsWorkspace = life.Create != None && life.Free == life.Create;
            if (life.Create != None && life.Free == None) stillAlive[(life.Block.Birth.Op, life.Block.Birth.Ordinal)] = life;
        }

        foreach (Life life in _lives.Values)
        {
            if (life.Create != None || life.Free == None) continue;
            BlockBirth birth = life.Block.Birth;
            if (birth.Step != _record.Number - 1 || !stillAlive.Remove((birth.Op, birth.Ordinal), out Life? successor)) continue;
            if (successor.Block.Bytes != life.Block.Bytes || life.Free >= successor.Create) continue;
            life.Other = successor;
            successor.Other = life;
        }
    }

    private (Trace Trace, int[] TensorOfEvent) Build(string name)
    {
        var builder = new TraceBuilder(new TraceHeader(name, "TeraIO profiler", _record.BaselineBytes));
        foreach (Life life in _lives.Values) Number(life, builder);
        var tensorOfEvent = new int[_record.Events.Count];
        tensorOfEvent.AsSpan().Fill(None);
        int next = _record.LeadingFrees;
        for (int op = 0; op < _phases.Length; op++)
        {
            builder.AddOp(new TraceOp(
                _record.Ops[op].Identity.Name, _record.Ops[op].Ticks / (double)Stopwatch.Frequency, _phases[op], Module: null, _microBatches[op], WorkspaceOf(op)));
            foreach (StreamEvent e in _record.EventsOf(op))
            {
                Life life = _lives[e.Block];
                if (e.Kind != StreamEventKind.Free) tensorOfEvent[next] = life.Tensor;
                next++;
                if (life.Tensor != None) builder.Access(life.Tensor, AccessOf(e.Kind));
            }
        }

        foreach (int tensor in _goWithTheStep) builder.Access(tensor, AccessKind.Free);

        return (builder.Build(), tensorOfEvent);
    }

    private void Number(Life life, TraceBuilder builder)
    {
        if (life.IsWorkspace || life.Tensor != None) return;
        // A block that died early, was born before and has no successor: what it held was special to this step.
        if (life.Create == None && life.Free != None && life.Other is null) return;
        bool isPersistent = life.Create == None && life.Free == None;
        life.Tensor = builder.AddTensor(new TraceTensor(life.Block.Bytes, KindOf(life, isPersistent), isPersistent, life.Block.Name, life.Block is { Storage: not 0, StaysResident: false }));
        if (life.Other is { } other) other.Tensor = life.Tensor;
        // Still alive, and nothing died for it: it is taken to go with the step.
        else if (life.Create != None && life.Free == None) _goWithTheStep.Add(life.Tensor);
    }

    private static TensorKind KindOf(Life life, bool isPersistent)
    {
        if (isPersistent)
        {
            if (life.Block.Name is not null) return TensorKind.Parameter;
            // A gradient that is zeroed instead of freed: autograd adds to it.
            if (life.IsWrittenInBackward) return TensorKind.Gradient;
            if (!life.InUpdate) return TensorKind.Unknown;
            return life.InForward || life.InBackward ? TensorKind.Parameter : TensorKind.OptimizerState;
        }

        bool inUpdate = life.InUpdate || life.Other is { InUpdate: true };
        bool inBackward = life.InBackward || life.Other is { InBackward: true };
        bool inForward = life.InForward || life.Other is { InForward: true };
        if (inBackward && inUpdate && !inForward) return TensorKind.Gradient;
        return inForward && inBackward ? TensorKind.Activation : TensorKind.Temporary;
    }

    private static AccessKind AccessOf(StreamEventKind kind) => kind switch
    {
        StreamEventKind.Allocate => AccessKind.Create,
        StreamEventKind.Write => AccessKind.Read | AccessKind.Write,
        StreamEventKind.Read => AccessKind.Read,
        _ => AccessKind.Free,
    };

    /// <summary>Most bytes of temporaries at once that live within the op only.</summary>
    private long WorkspaceOf(int op)
    {
        long now = 0;
        long most = 0;
        foreach (StreamEvent e in _record.EventsOf(op))
        {
            if (!_lives.TryGetValue(e.Block, out Life? life) || !life.IsWorkspace) continue;
            if (e.Kind == StreamEventKind.Allocate) now += e.Block.Bytes;
            else if (e.Kind == StreamEventKind.Free) now -= e.Block.Bytes;
            most = Math.Max(most, now);
        }

        return most;
    }
}
