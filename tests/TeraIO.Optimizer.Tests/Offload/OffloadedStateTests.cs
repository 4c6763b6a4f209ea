using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Gradients;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Offload;
using TeraIO.Optimizer.Tests.Interleave;
using TeraIO.Optimizer.Update;
using TeraIO.TestSupport;

namespace TeraIO.Optimizer.Tests.Offload;

internal sealed class OffloadedStateTests
{
    private const long SubgroupElements = 1700;
    private DirectoryInfo _directory = null!;

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-optimizer-");

    [TearDown]
    public void NothingIsLeftBehind()
    {
        string[] left = [.. Directory.EnumerateFileSystemEntries(_directory.FullName, "*", SearchOption.AllDirectories).Where(static entry => Path.GetFileName(entry) is not ("a" or "b"))];
        _directory.Delete(recursive: true);
        Assert.That(left, Is.Empty);
    }

    [Test]
    public async Task Steps_equal_AdamW_in_memory_and_move_the_bytes_of_the_closed_form(
        [Values] UpdateOrder order, [Values(2, 3, 6, 9, 40)] int buffers, [Values] bool storesGradients, [Values] bool keepsMaster)
    {
        using var data = new TrainingData(seed: buffers);
        using TensorStore store = OpenStore();
        ParameterLayout layout = TrainingData.Layout(SubgroupElements);
        OptimizerOffloadOptions options = Options(layout, buffers, order, storesGradients, keepsMaster);
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, options, data.Parameters);
        Assert.That(store.Statistics.BytesWritten.Bytes, Is.EqualTo(TrafficModel.Initial(layout, options)));
        Assert.That(state.HostBytes, Is.LessThanOrEqualTo(options.HostBudget));
        for (int step = 1; step <= 5; step++)
        {
            StoreStatistics before = store.Statistics;
            AdamWScalars?[] scalars = data.NextStep(step);
            var gradients = new HostGradients(data.Gradients);
            if (storesGradients) await state.StoreGradientsAsync(gradients);
            UpdateReport report = await state.StepAsync(data.Parameters, gradients, scalars);
            StepTraffic expected = TrafficModel.OfStep(layout, options, step);
            Assert.That(report.Traffic, Is.EqualTo(expected), $"step {step}");
            Assert.That(store.Statistics.BytesRead.Bytes - before.BytesRead.Bytes, Is.EqualTo(expected.Read), $"read in step {step}");
            Assert.That(store.Statistics.BytesWritten.Bytes - before.BytesWritten.Bytes, Is.EqualTo(expected.Written), $"written in step {step}");
            Assert.That(report.CacheHits, Is.EqualTo(step == 1 ? 0 : state.CachedSubgroups));
        }

        await data.RequireEqualAsync(state, keepsMaster);
    }

    [Test]
    public void The_steady_traffic_is_what_does_not_fit_the_tail_cache()
    {
        var layout = new ParameterLayout([8000], 1000);
        OptimizerOffloadOptions options = Options(layout, buffers: 6, UpdateOrder.Alternating, storesGradients: false, keepsMaster: true);
        // 8 subgroups, 6 buffers, 4 of them for the pipeline: 2 stay.
        Assert.That(TrafficModel.OfStep(layout, options, 1), Is.EqualTo(new StepTraffic(12 * 8000, 12 * 6000, 0, 0)));
        Assert.That(TrafficModel.OfStep(layout, options, 2), Is.EqualTo(new StepTraffic(12 * 6000, 12 * 6000, 0, 0)));
        OptimizerOffloadOptions baseline = Options(layout, buffers: 6, UpdateOrder.Ascending, storesGradients: true, keepsMaster: true);
        Assert.That(TrafficModel.OfStep(layout, baseline, 2), Is.EqualTo(new StepTraffic(12 * 8000, 12 * 8000, 4 * 8000, 4 * 8000)));
    }

    [Test]
    public async Task Narrow_gradients_give_the_update_of_the_rounded_gradients([Values(ElementFormat.Bf16, ElementFormat.Fp16)] ElementFormat format)
    {
        using var data = new TrainingData(seed: 5, ElementFormat.Bf16) { GradientFormat = format };
        using TensorStore store = OpenStore();
        ParameterLayout layout = TrainingData.Layout(SubgroupElements);
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, Options(layout, 6, UpdateOrder.Alternating, false, true), data.Parameters);
        using var gradients = new NarrowGradients(layout, format);
        for (int step = 1; step <= 4; step++)
        {
            AdamWScalars?[] scalars = data.NextStep(step);
            for (int i = data.Gradients.Length - 1; i >= 0; i--) _ = gradients.CopyOut(i, data.Gradients[i]!.Value);
            await state.StepAsync(data.Parameters, gradients, scalars);
            gradients.Clear();
        }

        await data.RequireEqualAsync(state);
    }

    [Test]
    public async Task A_tensor_without_gradient_keeps_values_and_moments([Values] bool storesGradients)
    {
        using var data = new TrainingData(seed: 6);
        data.Gradients[3] = null;
        using TensorStore store = OpenStore();
        ParameterLayout layout = TrainingData.Layout(SubgroupElements);
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, Options(layout, 5, UpdateOrder.Alternating, storesGradients, true), data.Parameters);
        for (int step = 1; step <= 3; step++)
        {
            AdamWScalars?[] scalars = data.NextStep(step);
            var gradients = new HostGradients(data.Gradients);
            if (storesGradients) await state.StoreGradientsAsync(gradients);
            await state.StepAsync(data.Parameters, gradients, scalars);
        }

        await data.RequireEqualAsync(state);
    }

    [Test]
    public async Task Every_share_of_a_device_gives_the_same_bits([Values(0, 0.1, 0.25, 1 / 3.0, 0.5, 0.77, 1)] double share, [Values(5, 40)] int buffers)
    {
        using var data = new TrainingData(seed: 7);
        using TensorStore store = OpenStore();
        ParameterLayout layout = TrainingData.Layout(SubgroupElements);
        using var device = new StagingDevice(stagingSets: 2);
        OptimizerOffloadOptions options = Options(layout, buffers, UpdateOrder.Alternating, false, true) with { Device = device, DeviceShare = share };
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, options, data.Parameters);
        for (int step = 1; step <= 3; step++)
        {
            AdamWScalars?[] scalars = data.NextStep(step);
            UpdateReport report = await state.StepAsync(data.Parameters, new HostGradients(data.Gradients), scalars);
            Assert.That(report.OnDevice, Is.EqualTo((int)Math.Floor(share * layout.Subgroups.Count)));
            Assert.That(report.Traffic, Is.EqualTo(TrafficModel.OfStep(layout, options, step)));
        }

        await data.RequireEqualAsync(state);
    }

    [Test]
    public async Task A_step_that_storage_interrupted_is_repeated_without_updating_twice([Range(0, 60, 4)] int failing)
    {
        using var data = new TrainingData(seed: 8);
        var faults = new FailingRequests();
        using TensorStore store = TensorStore.Open(
            new StoreOptions { Paths = [_directory.FullName], SegmentSize = ByteSize.FromMiB(1), ReadRetries = 0 }, logger: null, () => new FailingBackend(new InMemoryBackend(), faults));
        ParameterLayout layout = TrainingData.Layout(SubgroupElements);
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, Options(layout, 6, UpdateOrder.Alternating, false, true), data.Parameters);
        int interruptions = 0;
        for (int step = 1; step <= 4; step++)
        {
            AdamWScalars?[] scalars = data.NextStep(step);
            var gradients = new HostGradients(data.Gradients);
            if (step == 2) faults.FailAfter(failing);
            try
            {
                await state.StepAsync(data.Parameters, gradients, scalars);
            }
            catch (TeraIOException)
            {
                interruptions++;
                faults.Stop();
                await state.StepAsync(data.Parameters, gradients, scalars);
            }

            faults.Stop();
        }

        Assert.That(interruptions, Is.EqualTo(failing < 20 ? 1 : interruptions), "requests of the second step did not fail");
        await data.RequireEqualAsync(state);
    }

    [Test]
    public async Task An_update_that_fails_in_the_middle_is_never_continued()
    {
        using var data = new TrainingData(seed: 9);
        using var device = new StagingDevice(stagingSets: 1) { FailsOn = 3 };
        using TensorStore store = OpenStore();
        ParameterLayout layout = TrainingData.Layout(SubgroupElements);
        OptimizerOffloadOptions options = Options(layout, 5, UpdateOrder.Alternating, false, true) with { Device = device, DeviceShare = 0.5 };
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, options, data.Parameters);
        AdamWScalars?[] scalars = data.NextStep(1);
        Assert.That(() => state.StepAsync(data.Parameters, new HostGradients(data.Gradients), scalars), Throws.TypeOf<IOException>());
        Assert.That(() => state.StepAsync(data.Parameters, new HostGradients(data.Gradients), scalars), Throws.InvalidOperationException.With.Message.Contains("state is lost"));
    }

    [Test]
    public void A_budget_below_two_buffers_names_what_is_needed()
    {
        using var data = new TrainingData(seed: 1);
        using TensorStore store = OpenStore();
        ParameterLayout layout = TrainingData.Layout(SubgroupElements);
        var options = new OptimizerOffloadOptions { HostBudget = new ByteSize((2 * 12 * SubgroupElements) - 1) };
        Assert.That(
            () => OffloadedState.CreateAsync(store, layout, options, data.Parameters),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains(new ByteSize(2 * 12 * SubgroupElements).ToString()));
    }

    [Test]
    public async Task Gradients_that_were_not_stored_are_missed()
    {
        using var data = new TrainingData(seed: 1);
        using TensorStore store = OpenStore();
        ParameterLayout layout = TrainingData.Layout(SubgroupElements);
        using OffloadedState state = await OffloadedState.CreateAsync(store, layout, Options(layout, 4, UpdateOrder.Ascending, true, true), data.Parameters);
        Assert.That(
            () => state.StepAsync(data.Parameters, new HostGradients(data.Gradients), data.NextStep(1)),
            Throws.InvalidOperationException.With.Message.Contains("StoreGradientsAsync"));
    }

    private static OptimizerOffloadOptions Options(ParameterLayout layout, int buffers, UpdateOrder order, bool storesGradients, bool keepsMaster)
    {
        int words = (keepsMaster ? 3 : 2) + (storesGradients ? 1 : 0);
        return new OptimizerOffloadOptions
        {
            HostBudget = new ByteSize(buffers * 4 * words * layout.SubgroupElements),
            Order = order,
            StoresGradients = storesGradients,
            KeepsMasterParameters = keepsMaster,
            Threads = 2,
        };
    }

    /// <summary>Two paths, small stripes: every subgroup is striped.</summary>
    private TensorStore OpenStore()
    {
        string[] paths = [.. new[] { "a", "b" }.Select(name => _directory.CreateSubdirectory(name).FullName)];
        return TensorStore.Open(
            new StoreOptions { Paths = paths, StripeSize = ByteSize.FromKiB(4), SegmentSize = ByteSize.FromMiB(1) }, logger: null, static () => new InMemoryBackend());
    }
}
