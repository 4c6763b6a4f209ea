using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Runtime;

public sealed class DeterministicAlgorithmsTests
{
    [TearDown]
    public void TearDown() => DeterministicAlgorithms.Enabled = false;

    [Test]
    public void Libtorch_is_switched_on_and_off()
    {
        Assert.That(DeterministicAlgorithms.Enabled, Is.False);
        DeterministicAlgorithms.Enabled = true;
        Assert.That(DeterministicAlgorithms.Enabled, Is.True);
        DeterministicAlgorithms.Enabled = false;
        Assert.That(DeterministicAlgorithms.Enabled, Is.False);
    }
}
