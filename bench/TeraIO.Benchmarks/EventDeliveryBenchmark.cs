using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using TeraIO.Torch.Interop;

namespace TeraIO.Benchmarks;

/// <summary>
/// Two ways to bring one observer event into managed code: a call through a function pointer for each, or a copy into a buffer that is handed
/// over when it is full. Batches cannot serve an op that waits for its inputs; this shows what the immediate way costs more.
/// </summary>
public unsafe class EventDeliveryBenchmark
{
    private const int Events = 4096;
    private const int BatchEvents = 256;

    private static long _operands;

    private readonly delegate* unmanaged[Cdecl]<nint, ObserverEvent*, void> _receiveOne = &ReceiveOne;
    private readonly delegate* unmanaged[Cdecl]<ObserverEvent*, int, void> _receiveBatch = &ReceiveBatch;
    private ObserverEvent* _buffer;

    [GlobalSetup]
    public void Allocate() => _buffer = (ObserverEvent*)NativeMemory.AllocZeroed(BatchEvents, (nuint)sizeof(ObserverEvent));

    [GlobalCleanup]
    public void Free() => NativeMemory.Free(_buffer);

    [Benchmark(OperationsPerInvoke = Events)]
    public void One_function_pointer_call_per_event()
    {
        ObserverEvent observed = default;
        for (int i = 0; i < Events; i++)
        {
            observed.OperandCount = 1;
            _receiveOne(0, &observed);
        }
    }

    [Benchmark(OperationsPerInvoke = Events)]
    public void Batches_of_256_events()
    {
        int filled = 0;
        for (int i = 0; i < Events; i++)
        {
            ObserverEvent observed = default;
            observed.OperandCount = 1;
            _buffer[filled++] = observed;
            if (filled < BatchEvents) continue;
            _receiveBatch(_buffer, filled);
            filled = 0;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ReceiveOne(nint user, ObserverEvent* observed) => _operands += observed->OperandCount;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ReceiveBatch(ObserverEvent* observed, int count)
    {
        for (int i = 0; i < count; i++) _operands += observed[i].OperandCount;
    }
}
