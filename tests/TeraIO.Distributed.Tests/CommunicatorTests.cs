using TeraIO.TestSupport;

namespace TeraIO.Distributed.Tests;

/// <summary>Real ranks under mpirun.</summary>
[TestFixture]
public class CommunicatorTests
{
    [Test]
    public void Numbers_of_any_count_are_summed_over_all_ranks([Values(1, 2, 3)] int ranks, [Values(0, 1, 7, 1_000_003)] int count) =>
        AllSay(ranks, $"{count} summed, 0 wrong", "sum", $"{count}");

    [Test]
    public void Rounded_sums_have_the_same_bits_in_every_rank([Values(2, 3, 4)] int ranks) => AllSay(ranks, "all ranks have the same bits", "bits");

    [Test]
    public void Every_rank_gets_the_bytes_of_the_one_that_broadcasts([Values(0, 2)] int from) => AllSay(3, "right", "broadcast", $"{from}");

    [Test]
    public void A_rank_that_does_not_exist_cannot_broadcast() => AllSay(2, nameof(ArgumentOutOfRangeException), "wrong-root");

    [TestCase(1, 8, "rank 1 at 5")]
    [TestCase(2, 8, "rank 2 at 5")]
    [TestCase(2, 4, "rank 2 at 4")]
    [TestCase(1, 9, "rank 1 at 8")]
    [TestCase(0, 9, "rank 1 at 8")]
    [TestCase(-1, 8, "equal")]
    public void Every_rank_learns_which_rank_differs_and_where(int other, int length, string answer) => AllSay(3, answer, "compare", $"{other}", $"{length}");

    [Test]
    public void Errors_of_managed_code_stay_exceptions_although_MPI_handles_signals() => AllSay(2, nameof(NullReferenceException), "null-reference");

    [TestCase("killed", "signal 9")]
    [TestCase("fails", "rank 1: something is wrong here")]
    [TestCase("leaves-early", "finalize")]
    public void A_rank_that_ends_ends_the_ranks_that_wait_for_it(string how, string reason)
    {
        ProcessResult result = MpiRun.Run(2, RankProgram.Location, how);

        Assert.Multiple(() =>
        {
            Assert.That(result.ExitCode, Is.Not.Zero);
            Assert.That(result.Errors, Does.Contain(reason));
        });
    }

    private static void AllSay(int ranks, string text, params ReadOnlySpan<string> what)
    {
        ProcessResult result = MpiRun.Run(ranks, [RankProgram.Location, .. what]);

        string[] lines = [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        Assert.That(lines, Is.EqualTo(Enumerable.Range(0, ranks).Select(rank => $"{rank}: {text}")), result.Errors);
    }
}
