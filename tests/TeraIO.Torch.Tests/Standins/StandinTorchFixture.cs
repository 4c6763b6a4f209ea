using TeraIO.TestSupport;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Standins;

/// <summary>A libtorch with a TEST DOUBLE of libtorch_cuda for child processes of a test; its tests are ignored, with the reason, where the double is not built.</summary>
public abstract class StandinTorchFixture
{
    private StandinTorch? _torch;

    private protected StandinTorch Torch => _torch!;

    [OneTimeSetUp]
    public void LinkTorch()
    {
        if (StandinTorch.WhyMissing is { } why) Assert.Ignore(why);
        _torch = StandinTorch.Create(TorchRuntime.Initialize().LibTorchDirectory);
    }

    [OneTimeTearDown]
    public void RemoveLinks() => _torch?.Dispose();
}
