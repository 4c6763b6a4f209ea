using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Transfers;

public sealed class TransferThreadsTests
{
    private string _tasks = "";

    [SetUp]
    public void SetUp() => _tasks = Directory.CreateTempSubdirectory("teraio-tasks-").FullName;

    [TearDown]
    public void TearDown() => Directory.Delete(_tasks, recursive: true);

    [Test]
    public void Threads_that_move_bytes_are_summed_and_no_others()
    {
        Task(1, "dotnet", "9000000000 5 6");
        Task(2, "TeraIO completi", "1500000000 7 8");
        Task(3, "TeraIO transfer", "250000000 9 1");
        Task(4, "iou-wrk-2", "50000000 1 1");
        Task(5, ".NET TP Worker", "7000000000 1 1");
        Assert.That(TransferThreads.ProcessorSeconds(_tasks), Is.EqualTo(1.8).Within(1e-9));
    }

    [Test]
    public void A_thread_that_ends_meanwhile_is_passed_over()
    {
        Task(2, "TeraIO writes /", "1000000000 7 8");
        Directory.CreateDirectory(Path.Combine(_tasks, "3")); // its files are gone
        Assert.That(TransferThreads.ProcessorSeconds(_tasks), Is.EqualTo(1).Within(1e-9));
    }

    [Test]
    public void Where_the_kernel_counts_no_threads_the_process_stands_in()
    {
        Directory.CreateDirectory(Path.Combine(_tasks, "2"));
        File.WriteAllText(Path.Combine(_tasks, "2", "comm"), "TeraIO completi\n");
        double before = System.Diagnostics.Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;
        Assert.That(TransferThreads.ProcessorSeconds(_tasks), Is.GreaterThanOrEqualTo(before).And.GreaterThan(0));
        Assert.That(TransferThreads.ProcessorSeconds(Path.Combine(_tasks, "none")), Is.GreaterThanOrEqualTo(before));
    }

    private void Task(int id, string name, string counters)
    {
        string folder = Path.Combine(_tasks, id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "comm"), name + "\n");
        File.WriteAllText(Path.Combine(folder, "schedstat"), counters + "\n");
    }
}
