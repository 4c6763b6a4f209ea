using TeraIO.Core.Tests.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Transfers;

/// <summary>Times of a GPU, over <see cref="StandinGpu"/>, whose clock stands where the test's kernels set it.</summary>
[TestFixture]
public class DeviceTimelineTests : StandinGpuFixture
{
    private const int LaunchFailed = 719;

    [Test]
    public void Marks_have_the_times_at_which_the_device_came_to_them()
    {
        using var device = new FenceDevice(0);
        using var timeline = device.CreateTimeline();
        Gpu.SetClock(TimeSpan.FromHours(1));

        int first = timeline.Mark(stream: 0);
        Gpu.Launch(() => Gpu.SetClock(TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(1.5)));
        int second = timeline.Mark(stream: 0);

        Assert.That((first, second), Is.EqualTo((0, 1)));
        Assert.That(timeline.Collect(), Is.EqualTo(new[] { TimeSpan.Zero, TimeSpan.FromMilliseconds(1.5) }));
    }

    [Test]
    public void A_timeline_begins_anew_when_it_is_collected()
    {
        using var device = new FenceDevice(0);
        using var timeline = device.CreateTimeline();
        for (int i = 0; i < 100; i++)
            timeline.Mark(stream: 0);

        Assert.That(timeline.Collect(), Has.Length.EqualTo(100));
        Assert.That(timeline.Collect(), Is.Empty);
        Assert.That(timeline.Mark(stream: 0), Is.Zero);
        Assert.That(timeline.Collect(), Is.EqualTo(new[] { TimeSpan.Zero }));
    }

    [TestCase("cuEventRecord")]
    [TestCase("cuEventElapsedTime")]
    [TestCase("cuEventSynchronize")]
    public void A_call_that_fails_is_named_and_the_next_step_is_measured(string call)
    {
        using var device = new FenceDevice(0);
        using var timeline = device.CreateTimeline();
        Gpu.FailNextCudaCall(call, LaunchFailed);

        Assert.That(
            () =>
            {
                timeline.Mark(stream: 0);
                timeline.Mark(stream: 0);
                timeline.Collect();
            },
            Throws.TypeOf<TeraIOException>().With.Message.Contains(call).And.Message.Contains("CUDA_ERROR_LAUNCH_FAILED (719)"));

        Assert.That(timeline.Collect(), Is.Empty);
        Assert.That(timeline.Mark(stream: 0), Is.Zero);
        Assert.That(timeline.Collect(), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_device_outlives_its_timelines()
    {
        var device = new FenceDevice(0);
        var timeline = device.CreateTimeline();

        device.Dispose();

        timeline.Mark(stream: 0);
        Assert.That(timeline.Collect(), Has.Length.EqualTo(1));
        timeline.Dispose();
        Assert.That(device.CreateTimeline, Throws.TypeOf<ObjectDisposedException>());
    }
}
