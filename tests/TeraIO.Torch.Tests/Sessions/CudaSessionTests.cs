using System.Runtime.InteropServices;
using TeraIO.Core;
using TeraIO.Core.Residency;
using TeraIO.Core.Runtime;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;
using TeraIO.TestSupport;
using TorchSharp;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>
/// Sessions on CUDA tensors. Skipped where libtorch has no CUDA; <see cref="StandinCudaSessionTests"/> runs them over test doubles in a process of its own, and with a libtorch for CUDA in
/// <c>TERAIO_LIBTORCH</c> they run on the GPU.
/// </summary>
[TestFixture]
[NonParallelizable]
[Category(Category)]
internal sealed unsafe class CudaSessionTests : SessionFixture
{
    public const string Category = "CUDA sessions";

    private static readonly TrainingScript _script = new() { Device = TensorDevice.Cuda(), Dropout = 0.1, Steps = 6 };

    [OneTimeSetUp]
    public void RequireCuda()
    {
        if (!torch.cuda.is_available()) Assert.Ignore("libtorch has no CUDA here.");
    }

    [Test]
    public void Training_under_a_budget_changes_no_bit(
        [Values] OffloadMode mode, [Values(StorageBackend.Staged, StorageBackend.CuFile)] StorageBackend backend, [Values(0.5, 0.8)] double part, [Values] ReadWaits readWaits)
    {
        List<float> undisturbed = _script.Run();
        var budget = new ByteSize((long)(UnlimitedPeak().Bytes * part));
        ResetStandinPeak();
        ulong before = StandinBytes.Live;

        using OffloadSession session = Begin(budget, mode, backend, readWaits);
        List<float> offloaded = _script.Run(session);

        Assert.That(offloaded, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.PeakLiveBytes, Is.LessThanOrEqualTo(budget));
        Assert.That(session.Statistics.Offloads, Is.Positive, "nothing moved: the test would prove nothing");
        Assert.That(session.Statistics.StreamWaits, readWaits == ReadWaits.InStream ? Is.Positive : Is.Zero);
        Assert.That(session.Statistics.PlannedSteps, mode == OffloadMode.Planned ? Is.Positive : Is.Zero);
        Assert.That((session.ReadVerification, session.UnverifiedBecause), Is.EqualTo((ReadVerification.Gpu, (string?)null)));
        // Parameters are read twice a step and written once. With more memory they need not leave in between.
        if (part < 0.6) Assert.That(session.Statistics.BytesDroppedClean, Is.GreaterThan(ByteSize.Zero));
        // It rounds every block up to 512 bytes.
        Assert.That(StandinBytes.Peak, Is.LessThanOrEqualTo(before + (ulong)budget.Bytes + (64 << 10)), "by the allocator's own count");
    }

    [Test]
    public void Each_path_takes_what_a_profile_has_as_the_faster([Values] OffloadMode mode)
    {
        List<float> undisturbed = _script.Run();
        string second = Directory.CreateDirectory(StorePath + "-second").FullName;
        try
        {
            var options = new OffloadOptions
            {
                Device = TensorDevice.Cuda(),
                MemoryBudget = new ByteSize((long)(UnlimitedPeak().Bytes * 0.5)),
                StoragePaths = [StorePath, second],
                Mode = mode,
                BandwidthProfile = WriteProfile(StorePath + "-profile.json", (StorePath, "staged"), (second, "cufile")),
            };

            using OffloadSession session = OffloadSession.Begin(options);
            List<float> offloaded = _script.Run(session);

            Assert.That(offloaded, Is.EqualTo(undisturbed));
            Assert.That(session.StoragePaths.Select(static p => p.Backend), Is.EqualTo(new[] { StorageBackend.Staged, StorageBackend.CuFile }));
            Assert.That(session.StoragePaths.Select(static p => p.BytesWritten), Is.All.GreaterThan(ByteSize.Zero));
            Assert.That(session.StoragePaths.Select(static p => p.Route), Is.All.Contains("the bandwidth profile of 2026-11-25 has "));
        }
        finally
        {
            Directory.Delete(second, recursive: true);
            File.Delete(StorePath + "-profile.json");
        }
    }

    /// <summary>TEST DATA, not measured: on each path the given backend is twice as fast as the other one.</summary>
    private static string WriteProfile(string file, params (string Path, string Faster)[] paths)
    {
        PathBandwidth[] rows =
        [
            .. paths.SelectMany(static p => (string[])["staged", "cufile"], static (p, backend) =>
                new PathBandwidth(p.Path, backend, 1 << 20, 16, backend == p.Faster ? 2e8 : 1e8, backend == p.Faster ? 2e8 : 1e8, 0, 0, 0)),
        ];
        var profile = new BandwidthProfile("made up by a test", new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero), [.. rows.Where((_, i) => i % 2 == 0)]) { Gpu = DeviceIdentity.Of(0), Measured = rows };
        BandwidthProfileFile.Write(profile, file);
        return file;
    }

    [Test]
    public void A_tensor_that_is_away_comes_back_in_a_pin()
    {
        const int Elements = 256 * 1024;
        using OffloadSession session = Begin(ByteSize.FromMiB(2), OffloadMode.OnDemand, StorageBackend.Auto);
        using torch.Tensor first = torch.full([Elements], 3f, device: torch.device("cuda:0"));
        using torch.Tensor second = torch.full([Elements], 5f, device: torch.device("cuda:0"));
        using torch.Tensor third = torch.full([Elements], 7f, device: torch.device("cuda:0"));
        Assert.That(session.Statistics.Offloads, Is.Positive);

        using (session.Pin(first))
        {
            using torch.Tensor host = first.cpu();
            Assert.That(host.data<float>().ToArray(), Is.All.EqualTo(3f));
        }

        Assert.That(session.Failure, Is.Null);
    }

    /// <summary>The schema of a batch norm does not say that it changes its running statistics.</summary>
    [Test]
    public void What_an_operator_changes_beyond_its_schema_is_not_lost()
    {
        float[] undisturbed = RunningStatistics();

        using OffloadSession session = Begin(ByteSize.FromMiB(5), OffloadMode.OnDemand, StorageBackend.Auto);
        float[] offloaded = RunningStatistics();

        Assert.That(offloaded, Is.EqualTo(undisturbed));
        Assert.That(session.Statistics.Offloads, Is.GreaterThan(20), "the statistics have to leave between the steps");
        Assert.That(session.Failure, Is.Null);
    }

    [Test]
    public void What_the_allocator_holds_is_told_beside_what_is_live()
    {
        using OffloadSession session = OffloadSession.Begin(new OffloadOptions { Device = TensorDevice.Cuda() });
        ByteSize before = session.Statistics.ReservedBytes!.Value;
        using (torch.Tensor tensor = torch.ones(4 << 20, device: torch.device("cuda:0")))
            Assert.That(session.Statistics.ReservedBytes, Is.GreaterThanOrEqualTo(session.Statistics.LiveBytes).And.GreaterThanOrEqualTo(ByteSize.FromMiB(16)));

        Assert.That(session.Statistics.LiveBytes, Is.EqualTo(ByteSize.Zero));
        Assert.That(session.Statistics.ReservedBytes, Is.GreaterThanOrEqualTo(before), "a caching allocator keeps what is freed");
    }

    [Test]
    public void Tensors_of_the_cpu_are_neither_counted_nor_moved()
    {
        using OffloadSession session = Begin(ByteSize.FromMiB(2), OffloadMode.OnDemand, StorageBackend.Auto);

        using torch.Tensor large = torch.ones(4 << 20);
        using IDisposable pin = session.Pin(large);

        Assert.That(session.Statistics.LiveBytes, Is.EqualTo(ByteSize.Zero));
        Assert.That(large.sum().item<float>(), Is.EqualTo(4 << 20));
    }

    [Test]
    public void A_read_that_fails_in_the_middle_of_a_step_ends_the_session_before_a_wrong_loss_is_seen([Values] OffloadMode mode)
    {
        List<float> undisturbed = _script.Run();
        var budget = new ByteSize((long)(UnlimitedPeak().Bytes * 0.5));
        var options = new OffloadOptions { Device = TensorDevice.Cuda(), MemoryBudget = budget, StoragePaths = [StorePath], Mode = mode, ReadWaits = ReadWaits.InStream };
        var seen = new List<float>();
        HeldReadsBackend reads = null!;
        TensorStore store = TensorStore.Open(options.ToStoreOptions(), logger: null, backend => reads = new HeldReadsBackend(backend));
        ReadFailedException failed;
        using (OffloadSession session = OffloadSession.Begin(options, store, budget.Bytes))
        {
            Task? failing = null;
            TrainingScript script = _script with
            {
                Told = loss =>
                {
                    seen.Add(loss);
                    // By a plan, if there is one, the fifth step runs; one of its reads is to fail that the stream waits for.
                    if (seen.Count == 4) failing = Task.Run(() => FailAnAwaitedRead(session, reads));
                },
            };

            failed = Assert.Throws<ReadFailedException>(() => script.Run(session))!;
            failing!.Wait();
            Assert.That(session.Failure, Is.SameAs(failed));
            Assert.That(() => session.BeginStep(), Throws.Exception.SameAs(failed));
        }

        Assert.That(failed.Message, Does.Contain("last checkpoint"));
        Assert.That(seen, Is.EqualTo(undisturbed[..4]));
        using OffloadSession next = Begin(budget, mode, StorageBackend.Auto, ReadWaits.InStream);
        Assert.That(_script.Run(next), Is.EqualTo(undisturbed), "the process can train on");
    }

    [Test]
    public void A_tensor_of_a_few_bytes_is_held_back_like_any_other()
    {
        const int Elements = 256 * 1024;
        var budget = ByteSize.FromMiB(2);
        var options = new OffloadOptions { Device = TensorDevice.Cuda(), MemoryBudget = budget, StoragePaths = [StorePath], ReadWaits = ReadWaits.InStream };
        HeldReadsBackend reads = null!;
        TensorStore store = TensorStore.Open(options.ToStoreOptions(), logger: null, backend => reads = new HeldReadsBackend(backend));
        using OffloadSession session = OffloadSession.Begin(options, store, budget.Bytes);
        using torch.Tensor first = torch.full([Elements], 3f, device: torch.device("cuda:0"));
        using torch.Tensor second = torch.full([Elements], 5f, device: torch.device("cuda:0"));
        using torch.Tensor third = torch.full([Elements], 7f, device: torch.device("cuda:0"));
        using torch.Tensor few = torch.zeros(1, device: torch.device("cuda:0"));
        using torch.Tensor part = first.slice(0, 0, 1, 1);
        reads.Hold();
        Task failing = Task.Run(() => FailAnAwaitedRead(session, reads));

        few.copy_(part); // launched; what it copies never comes
        failing.Wait();

        Assert.That(() => few.item<float>(), Throws.TypeOf<ExternalException>());
        Assert.That(session.Failure, Is.TypeOf<ReadFailedException>());
        Assert.That(() => few.cpu(), Throws.TypeOf<ExternalException>());
        Assert.That(() => second.add_(1), Throws.TypeOf<ExternalException>(), "every later op fails");
    }

    /// <summary>After a few steps of a batch norm, between which other tensors need its memory.</summary>
    private static float[] RunningStatistics()
    {
        const int Features = 64 * 1024;
        torch.Device device = torch.device("cuda:0");
        torch.random.manual_seed(3);
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        using torch.nn.Module<torch.Tensor, torch.Tensor> norm = torch.nn.BatchNorm1d(Features, device: device);
        torch.Tensor[] others = [.. Enumerable.Range(0, 4).Select(i => torch.full([4 * Features], (float)i, device: device))];
        for (int step = 0; step < 6; step++)
        {
            using (torch.NewDisposeScope()) norm.forward(torch.randn(4, Features).to(device));
            foreach (torch.Tensor other in others) other.add_(1);
        }

        return [.. norm.get_buffer("running_mean")!.cpu().data<float>(), .. norm.get_buffer("running_var")!.cpu().data<float>()];
    }

    private static void FailAnAwaitedRead(OffloadSession session, HeldReadsBackend reads)
    {
        EngineState state = session.Engine.State;
        reads.Hold();
        if (!SpinWait.SpinUntil(HoldsAnAwaitedRead, TimeSpan.FromSeconds(60))) throw new TimeoutException("no stream waits for a read");
        reads.FailNext(1000); // however often they are tried again
        reads.Go();

        bool HoldsAnAwaitedRead()
        {
            lock (state.Sync) return state.Blocks.Values.Any(b => b.State == ResidencyState.Arriving && reads.HoldsReadInto(b.Address, b.Bytes));
        }
    }

    private OffloadSession Begin(ByteSize budget, OffloadMode mode, StorageBackend backend, ReadWaits readWaits = ReadWaits.OnHost) => OffloadSession.Begin(new OffloadOptions
    {
        Device = TensorDevice.Cuda(),
        MemoryBudget = budget,
        StoragePaths = [StorePath],
        Mode = mode,
        Backend = backend,
        ReadWaits = readWaits,
    });

    private static ByteSize UnlimitedPeak()
    {
        using OffloadSession session = OffloadSession.Begin(new OffloadOptions { Device = TensorDevice.Cuda() });
        _script.Run(session);
        return session.Statistics.PeakLiveBytes;
    }

    /// <summary>The test double's own counts; both 0 with a real libtorch_cuda.</summary>
    private static (ulong Live, ulong Peak) StandinBytes
    {
        get
        {
            ulong* counts = stackalloc ulong[16];
            if (Standin("tio_standin_torch_get_counts") is not (not 0 and var function)) return default;
            ((delegate* unmanaged<ulong*, void>)function)(counts);
            return (counts[0], counts[1]);
        }
    }

    private static void ResetStandinPeak()
    {
        if (Standin("tio_standin_torch_reset_peak") is not 0 and var function) ((delegate* unmanaged<void>)function)();
    }

    private static nint Standin(string name)
    {
        string library = Path.Combine(Environment.GetEnvironmentVariable("TERAIO_LIBTORCH") ?? "", "libtorch_cuda.so");
        return NativeLibrary.TryLoad(library, out nint loaded) && NativeLibrary.TryGetExport(loaded, name, out nint function) ? function : 0;
    }
}
