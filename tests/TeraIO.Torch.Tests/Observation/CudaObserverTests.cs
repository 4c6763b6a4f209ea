using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Core.Runtime;
using TeraIO.Torch.Interop;
using TeraIO.Torch.Observation;
using TeraIO.Torch.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace TeraIO.Torch.Tests.Observation;

/// <summary>
/// The observer on CUDA tensors. Skipped where libtorch has no CUDA; <see cref="StandinCudaTests"/> runs them over a test double
/// in a process of its own, and with a libtorch for CUDA in <c>TERAIO_LIBTORCH</c> they run on the GPU.
/// </summary>
[TestFixture]
[NonParallelizable]
[Category(Category)]
public unsafe class CudaObserverTests
{
    public const string Category = "CUDA";
    private const long Elements = 64 * 1024;
    private const ulong Bytes = Elements * sizeof(float);

    [OneTimeSetUp]
    public void LoadTorch()
    {
        TorchRuntime.Initialize();
        ObserverNative.Load(); // functions without a GC transition are bound when their caller is compiled
        if (!cuda.is_available()) Assert.Ignore("libtorch has no CUDA here.");
    }

    [Test]
    public void Refuses_a_layout_with_one_wrong_offset([Values(7, 8, 9, 10, 12, 14)] int field, [Values(-8, 8)] int bytes)
    {
        ObserverOptions options = OnCuda() with { SkewField = (uint)field, SkewBytes = bytes };

        var refusal = Assert.Throws<ConfigurationException>(() => Attach(options).Dispose());

        Assert.That(refusal!.Message, Does.Contain("does not match its layout table"));
    }

    [Test]
    public void Refuses_a_wrong_entry_of_the_allocators_functions([Range(16, 19)] int field, [Values(-1, 1)] int entries)
    {
        ObserverOptions options = OnCuda() with { SkewField = (uint)field, SkewBytes = entries };

        var refusal = Assert.Throws<ConfigurationException>(() => Attach(options).Dispose());

        Assert.That(refusal!.Message, Does.Contain("CUDA allocator"));
        Assert.DoesNotThrow(() => Attach(OnCuda()).Dispose(), "a refusal leaves nothing behind");
    }

    [Test]
    public void Refuses_a_device_that_is_not_there() =>
        Assert.Throws<ConfigurationException>(() => Attach(OnCuda() with { DeviceIndex = 100 }).Dispose());

    [Test]
    public void Tells_the_current_stream()
    {
        using ObserverBridge bridge = Attach(OnCuda());

        Assert.DoesNotThrow(() => ObserverBridge.CurrentStream());
    }

    [Test]
    public void Counts_tensors_on_the_device_only()
    {
        using ObserverBridge bridge = Attach(OnCuda());
        ulong before = ObserverNative.LiveBytes();

        using (Tensor onDevice = zeros(Elements, device: CUDA))
        using (Tensor onCpu = zeros(Elements))
        {
            Assert.That(ObserverNative.LiveBytes() - before, Is.EqualTo(Bytes));
            Assert.That(ObserverBridge.Inspect(onDevice.Handle).IsMovable);
            Assert.That(ObserverBridge.Inspect(onCpu.Handle).Storage, Is.EqualTo((nint)0));
        }

        Assert.That(ObserverNative.LiveBytes(), Is.EqualTo(before));
    }

    [Test]
    public void Tells_what_the_allocator_holds_of_the_device()
    {
        using ObserverBridge bridge = Attach(OnCuda());
        using Tensor tensor = zeros(Elements, device: CUDA);

        Assert.That(Statistics().ReservedBytes, Is.GreaterThanOrEqualTo(Bytes));
    }

    [Test]
    public void A_released_storage_is_closed_until_its_bytes_are_back()
    {
        using ObserverBridge bridge = Attach(OnCuda());
        using Tensor tensor = zeros(Elements, device: CUDA);
        using Tensor view = tensor.view(64, -1);
        nint storage = ObserverBridge.Inspect(tensor.Handle).Storage;
        ulong before = ObserverNative.LiveBytes();

        nint tombstone;
        Assert.That(ObserverNative.Release(storage, &tombstone), Is.EqualTo(ObserverStatus.Ok));
        Assert.That(before - ObserverNative.LiveBytes(), Is.EqualTo(Bytes));
        Assert.Throws<ExternalException>(() => tensor.cpu().Dispose(), "reading");
        Assert.Throws<ExternalException>(() => view.add_(1), "writing");
        Assert.That(tensor.device.type, Is.EqualTo(DeviceType.CUDA));

        nint data;
        Assert.That(ObserverNative.Restore(storage, &data), Is.EqualTo(ObserverStatus.Ok));
        Assert.That(data, Is.EqualTo(ObserverNative.Data(storage)).And.Not.EqualTo(tombstone));
        Assert.Throws<ExternalException>(() => view.add_(1), "not yet open");
        Assert.That(ObserverNative.Open(storage), Is.EqualTo(ObserverStatus.Ok));
        view.fill_(3);
        Assert.That(tensor.sum().item<float>(), Is.EqualTo(3f * Elements));
    }

    [Test]
    public void A_restore_keeps_to_the_limit()
    {
        using ObserverBridge bridge = Attach(OnCuda());
        using Tensor tensor = zeros(Elements, device: CUDA);
        nint storage = ObserverBridge.Inspect(tensor.Handle).Storage;
        nint address;
        Assert.That(ObserverNative.Release(storage, &address), Is.EqualTo(ObserverStatus.Ok));

        _ = ObserverNative.SetLimit(ObserverNative.LiveBytes() + Bytes - 1);
        Assert.That(ObserverNative.Restore(storage, &address), Is.EqualTo(ObserverStatus.Limit));
        _ = ObserverNative.SetLimit(0);
        Assert.That(ObserverNative.Restore(storage, &address), Is.EqualTo(ObserverStatus.Ok));
        Assert.That(ObserverNative.Open(storage), Is.EqualTo(ObserverStatus.Ok));
    }

    [Test]
    public void Tensors_from_before_the_session_are_taken_over()
    {
        using Tensor tensor = ones(Elements, device: CUDA);
        using ObserverBridge bridge = Attach(OnCuda());
        ulong before = ObserverNative.LiveBytes();

        Assert.That(ObserverBridge.Inspect(tensor.Handle).IsMovable);
        Assert.That(ObserverNative.LiveBytes() - before, Is.EqualTo(Bytes));
        tensor.Dispose();
        Assert.That(ObserverNative.LiveBytes(), Is.EqualTo(before));
    }

    [Test]
    public void What_passes_the_limit_is_refused_before_it_exists()
    {
        using ObserverBridge bridge = Attach(OnCuda() with { LimitBytes = Bytes - 1 }, budget: (long)Bytes - 1);
        ulong before = Statistics().Allocations;

        Assert.Throws<ExternalException>(() => empty(Elements, device: CUDA).Dispose());
        Assert.That(bridge.Failure, Is.TypeOf<BudgetExceededException>());
        Assert.That(Statistics().Allocations, Is.EqualTo(before));
        Assert.DoesNotThrow(() => empty(Elements).Dispose(), "memory of the CPU is not limited");
    }

    [Test]
    public void Tensors_outlive_their_session()
    {
        Tensor tensor;
        using (Attach(OnCuda())) tensor = ones(Elements, device: CUDA);

        Assert.That(tensor.sum().item<float>(), Is.EqualTo((float)Elements));
        using (Attach(new ObserverOptions { MinimumBytes = 65536 }))
        {
            using Tensor onCpu = tensor.cpu();
            tensor.Dispose();
            Assert.That(ObserverBridge.Inspect(onCpu.Handle).IsMovable);
        }

        using ObserverBridge again = Attach(OnCuda());
        Assert.That(ObserverNative.LiveBytes(), Is.LessThan(Bytes));
    }

    [Test]
    public void Ops_that_bring_data_out_are_announced_before_they_run()
    {
        using Tensor large = ones(Elements, device: CUDA);
        using Tensor small = ones(4, device: CUDA);
        using Tensor onCpu = zeros(Elements);
        using Tensor few = zeros(4);

        Assert.Multiple(() =>
        {
            Assert.That(ResultsOf(() => large.cpu().Dispose()), Is.EqualTo(new[] { "aten::copy_" }), "a copy");
            Assert.That(ResultsOf(() => small.cpu().Dispose()), Is.EqualTo(new[] { "aten::copy_" }), "however small");
            Assert.That(ResultsOf(() => few.copy_(small)), Is.EqualTo(new[] { "aten::copy_" }), "into a tensor that is there");
            Assert.That(ResultsOf(() => small[0].ToSingle()), Has.Member("aten::_local_scalar_dense"), "a number");
            Assert.That(ResultsOf(() => large.allclose(large)), Has.Member("aten::allclose"), "a truth value");
            Assert.That(ResultsOf(() => (large + 1).Dispose()), Is.Empty, "what stays on the device");
            Assert.That(ResultsOf(() => large.copy_(onCpu)), Is.Empty, "what goes there");
            Assert.That(ResultsOf(() => large.view(64, -1).Dispose()), Is.Empty, "a view");
            Assert.That(ResultsOf(() => onCpu.sum().ToSingle()), Is.Empty, "the CPU's own");
        });
    }

    /// <summary>The ops that were announced to bring data out while <paramref name="action"/> ran.</summary>
    private static List<string> ResultsOf(Action action)
    {
        _results = [];
        ObserverOptions options = OnCuda() with { StructSize = (uint)sizeof(ObserverOptions), Flags = ObserverFlags.DeliverResults };
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
        Assert.That(ObserverNative.Attach(&options, &handlers), Is.EqualTo(ObserverStatus.Ok));
        try
        {
            action();
        }
        finally
        {
            _ = ObserverNative.Detach();
        }

        return _results;
    }

    private static readonly OperatorTable _operators = new();
    private static List<string> _results = [];

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnDescribe(nint user, byte* schema, ObserverTraits* traits) => *traits = _operators.Describe(Marshal.PtrToStringUTF8((nint)schema)!);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnOpBegin(nint user, ObserverEvent* observed)
    {
        if (observed->Flags.HasFlag(EventFlags.BringsOut)) _results.Add(_operators.NameOf(observed->OpId));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnOpEnd(nint user, ObserverEvent* observed)
    {
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnMakeRoom(nint user, ulong bytes, byte* why, uint capacity) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnAllocated(nint user, nint data, ulong bytes, uint depth)
    {
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnFreeing(nint user, nint data, ulong bytes) => 0;

    private static ObserverOptions OnCuda() => new() { MinimumBytes = 65536, DeviceType = ObserverDevice.Cuda };

    private static ObserverStatistics Statistics()
    {
        var statistics = new ObserverStatistics { StructSize = (uint)sizeof(ObserverStatistics) };
        ObserverNative.GetStatistics(&statistics);
        return statistics;
    }

    private static ObserverBridge Attach(ObserverOptions options, long budget = long.MaxValue) =>
        ObserverBridge.Attach(new OnDemandEngine(new TorchStorageMemory(), store: null, budget), options);
}
