using System.Runtime.InteropServices;
using TeraIO.Core;
using TorchSharp;

namespace TeraIO.Torch.Tests.Sessions;

[TestFixture]
[NonParallelizable]
internal sealed class BudgetTests : SessionFixture
{
    // A 512 x 512 float matrix is 1 MiB; a product needs one in and one out at once.
    private static readonly ByteSize _belowTwoMatrices = ByteSize.FromMiB(2) - ByteSize.FromKiB(8);

    [Test]
    public void A_budget_below_one_ops_working_set_names_the_op_its_tensors_and_the_smallest_budget()
    {
        using OffloadSession session = BeginUnder(_belowTwoMatrices);
        using torch.Tensor left = torch.ones(512, 512); // 1 MiB

        Assert.Throws<ExternalException>(() => torch.mm(left, left).Dispose());

        var failure = (BudgetExceededException)session.Failure!;
        Assert.That(failure.Op, Does.StartWith("aten::mm"));
        Assert.That(failure.Message, Does.Contain("1.00 MiB"));
        Assert.That(failure.SmallestBudget, Is.GreaterThanOrEqualTo(ByteSize.FromMiB(2)));
    }

    [Test]
    public void State_is_intact_after_a_refusal()
    {
        using OffloadSession session = BeginUnder(_belowTwoMatrices);
        using torch.Tensor left = torch.ones(512, 512);
        Assert.Throws<ExternalException>(() => torch.mm(left, left).Dispose());

        Assert.That(left.sum().item<float>(), Is.EqualTo(512 * 512));
    }

    [Test]
    public void A_step_cannot_begin_after_a_failure()
    {
        using OffloadSession session = BeginUnder(_belowTwoMatrices);
        using torch.Tensor left = torch.ones(512, 512);
        Assert.Throws<ExternalException>(() => torch.mm(left, left).Dispose());

        Assert.Throws<BudgetExceededException>(() => session.BeginStep().Dispose());
    }

    [TestCase(-1L)]
    [TestCase(0L)]
    public void A_budget_that_is_no_budget_is_refused(long bytes)
    {
        Assert.Throws<ConfigurationException>(() => BeginUnder(new ByteSize(bytes)).Dispose());
    }

    [Test]
    public void A_budget_without_storage_paths_is_refused()
    {
        Assert.Throws<ConfigurationException>(() => OffloadSession.Begin(new OffloadOptions { MemoryBudget = ByteSize.FromMiB(1) }).Dispose());
    }

    [Test]
    public void A_missing_storage_path_is_refused_and_named()
    {
        string missing = Path.Combine(StorePath, "missing");

        var refusal = Assert.Throws<ConfigurationException>(() =>
            OffloadSession.Begin(new OffloadOptions { MemoryBudget = ByteSize.FromMiB(1), StoragePaths = [missing] }).Dispose());

        Assert.That(refusal!.Message, Does.Contain(missing));
    }

    [Test]
    public void An_observing_session_moves_nothing_and_counts()
    {
        using OffloadSession session = OffloadSession.Begin(new OffloadOptions());
        long before = session.Statistics.LiveBytes.Bytes;
        using torch.Tensor tensor = torch.ones(512, 512);

        Assert.That(session.Statistics.LiveBytes.Bytes - before, Is.EqualTo(512 * 512 * sizeof(float)));
        Assert.That(session.Statistics.Offloads, Is.Zero);
    }
}
