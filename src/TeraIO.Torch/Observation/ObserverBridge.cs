using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using CommunityToolkit.HighPerformance.Buffers;
using TeraIO.Core;
using TeraIO.Core.Runtime;
using TeraIO.Torch.Interop;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Observation;

/// <summary>
/// Attaches the observer and hands its events to the engine. One per process at a time. No exception leaves a handler: what
/// fails inside is kept in <see cref="Failure"/>, and the op is stopped by libtorch itself, because its inputs stay inaccessible or its
/// allocation is refused.
/// </summary>
internal sealed unsafe class ObserverBridge : IDisposable
{
    /// <summary>More than that come with concatenations and optimizers that take all parameters at once: every step again, so that they are rented.</summary>
    private const int OperandsOnStack = 32;

    // Handlers carry no managed state of their own; this is the attached bridge.
    private static ObserverBridge? _attached;

    private readonly OnDemandEngine _engine;
    private readonly OperatorTable _operators = new();
    private TeraIOException? _failure;

    private ObserverBridge(OnDemandEngine engine)
    {
        _engine = engine;
    }

    /// <summary>The first error inside a handler since attach; null when there was none.</summary>
    public TeraIOException? Failure => Volatile.Read(ref _failure);

    /// <param name="engine">Receives the events.</param>
    /// <param name="options">Thresholds and limits; StructSize is filled in here.</param>
    /// <exception cref="ConfigurationException">libtorch is not supported, or an observer is attached already.</exception>
    public static ObserverBridge Attach(OnDemandEngine engine, ObserverOptions options)
    {
        ObserverNative.Load();
        var bridge = new ObserverBridge(engine);
        var handlers = new ObserverHandlers
        {
            StructSize = (uint)sizeof(ObserverHandlers),
            Describe = &OnDescribe,
            OpBegin = &OnOpBegin,
            OpEnd = &OnOpEnd,
            MakeRoom = &OnMakeRoom,
            Allocated = &OnAllocated,
            Freeing = &OnFreeing,
        };
        options.StructSize = (uint)sizeof(ObserverOptions);
        // Whatever libtorch is taken for, the observer proves what it relies on.
        byte[]? assumedVersion = TorchRuntime.Initialize().AssumedLibTorchVersion is { } version ? Encoding.UTF8.GetBytes(version + '\0') : null;
        if (Interlocked.CompareExchange(ref _attached, bridge, null) is not null)
        {
            throw new ConfigurationException("An offload session is active in this process already; dispose it before you begin another.");
        }

        fixed (byte* assumed = assumedVersion)
        {
            if (options.AssumeVersion == null) options.AssumeVersion = assumed;
            if (ObserverNative.Attach(&options, &handlers) == ObserverStatus.Ok) return bridge;
        }

        Volatile.Write(ref _attached, null);
        throw new ConfigurationException($"TeraIO cannot observe this libtorch: {ObserverNative.LastError()}");
    }

    /// <summary>Stops observing. Storages must have been brought back before.</summary>
    public void Dispose()
    {
        if (Interlocked.CompareExchange(ref _attached, null, this) != this) return;
        _ = ObserverNative.Detach(); // fails only when nothing is attached
    }

    /// <summary>The calling thread's current stream on the session's CUDA device, a <c>CUstream</c>.</summary>
    /// <exception cref="TeraIOException">The attached session has none.</exception>
    public static nint CurrentStream()
    {
        if (ObserverNative.CurrentStream(out nint stream) == ObserverStatus.Ok) return stream;
        throw new TeraIOException($"libtorch does not tell its current CUDA stream: {ObserverNative.LastError()}");
    }

    /// <summary>The storage behind a TorchSharp tensor.</summary>
    /// <param name="tensorHandle"><c>Tensor.Handle</c>; the tensor must be alive.</param>
    public static StorageOperand Inspect(nint tensorHandle)
    {
        ObserverOperand operand;
        if (ObserverNative.Inspect(tensorHandle, &operand) != ObserverStatus.Ok)
        {
            throw new TeraIOException($"A tensor's storage could not be inspected: {ObserverNative.LastError()}");
        }

        return Convert(operand);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnDescribe(nint user, byte* schema, ObserverTraits* traits)
    {
        if (_attached is not { } bridge) return;
        try
        {
            *traits = bridge._operators.Describe(Marshal.PtrToStringUTF8((nint)schema) ?? "");
        }
        catch (Exception e)
        {
            bridge.Keep(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnOpBegin(nint user, ObserverEvent* observed)
    {
        if (_attached is not { } bridge) return;
        try
        {
            int count = (int)observed->OperandCount;
            using SpanOwner<StorageOperand> rented = count > OperandsOnStack ? SpanOwner<StorageOperand>.Allocate(count) : SpanOwner<StorageOperand>.Empty;
            Span<StorageOperand> operands = count <= OperandsOnStack ? stackalloc StorageOperand[count] : rented.Span;
            Convert(observed, operands);
            bridge.Keep(bridge._engine.BeginOp(
                bridge._operators.NameOf(observed->OpId), operands, observed->Depth == 0, bringsOut: observed->Flags.HasFlag(EventFlags.BringsOut)));
        }
        catch (Exception e)
        {
            bridge.Keep(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnOpEnd(nint user, ObserverEvent* observed)
    {
        if (_attached is not { } bridge) return;
        try
        {
            int count = (int)observed->OperandCount;
            using SpanOwner<StorageOperand> rented = count > OperandsOnStack ? SpanOwner<StorageOperand>.Allocate(count) : SpanOwner<StorageOperand>.Empty;
            Span<StorageOperand> operands = count <= OperandsOnStack ? stackalloc StorageOperand[count] : rented.Span;
            Convert(observed, operands);
            var op = new OpIdentity(observed->OpId, bridge._operators.NameOf(observed->OpId), observed->Flags.HasFlag(EventFlags.Backward));
            bridge._engine.EndOp(op, operands, observed->Depth == 0);
        }
        catch (Exception e)
        {
            bridge.Keep(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnMakeRoom(nint user, ulong bytes, byte* why, uint capacity)
    {
        if (_attached is not { } bridge) return 0;
        try
        {
            if (bridge._engine.MakeRoom((long)bytes) is not { } failure) return 0;
            bridge.Keep(failure);
            WriteText(failure.Message, why, capacity);
        }
        catch (Exception e)
        {
            bridge.Keep(e);
            WriteText(e.Message, why, capacity);
        }

        return -1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnAllocated(nint user, nint data, ulong bytes, uint depth)
    {
        if (_attached is not { } bridge) return;
        try
        {
            bridge._engine.Allocated(data, (long)bytes, depth > 0);
        }
        catch (Exception e)
        {
            bridge.Keep(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnFreeing(nint user, nint data, ulong bytes)
    {
        if (_attached is not { } bridge) return 0;
        try
        {
            return bridge._engine.Freeing(data) ? 1 : 0;
        }
        catch (Exception e)
        {
            bridge.Keep(e);
            return 0;
        }
    }

    private static void Convert(ObserverEvent* observed, Span<StorageOperand> operands)
    {
        for (int i = 0; i < operands.Length; i++) operands[i] = Convert(observed->Operands[i]);
    }

    private static StorageOperand Convert(in ObserverOperand operand) => new(
        operand.Storage,
        operand.Data,
        (long)operand.Bytes,
        operand.Flags.HasFlag(OperandFlags.Written),
        operand.Flags.HasFlag(OperandFlags.Movable),
        operand.Flags.HasFlag(OperandFlags.Scalar));

    private static void WriteText(string text, byte* target, uint capacity)
    {
        if (capacity == 0) return;
        int length = Encoding.UTF8.GetBytes(
            text.AsSpan(0, Math.Min(text.Length, ((int)capacity - 1) / 3)), new Span<byte>(target, (int)capacity - 1));
        target[length] = 0;
    }

    private void Keep(Exception? failure)
    {
        if (failure is null) return;
        TeraIOException kept = failure as TeraIOException ?? new TeraIOException($"TeraIO failed inside an op: {failure.Message}", failure);
        Interlocked.CompareExchange(ref _failure, kept, null);
    }
}
