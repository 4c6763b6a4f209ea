using TeraIO.Core.Residency;

namespace TeraIO.Core.Tests.Residency;

[TestFixture]
public class ResidencyTransitionsTests
{
    private static readonly (ResidencyState From, ResidencyEvent Event, ResidencyState To)[] _table =
    [
        (ResidencyState.Resident, ResidencyEvent.OffloadStarted, ResidencyState.Offloading),
        (ResidencyState.Offloading, ResidencyEvent.OffloadCompleted, ResidencyState.Offloaded),
        (ResidencyState.Offloading, ResidencyEvent.OffloadAbandoned, ResidencyState.Resident),
        (ResidencyState.Offloaded, ResidencyEvent.PrefetchStarted, ResidencyState.Prefetching),
        (ResidencyState.Prefetching, ResidencyEvent.PrefetchCompleted, ResidencyState.Resident),
        (ResidencyState.Prefetching, ResidencyEvent.PrefetchFailed, ResidencyState.Offloaded),
        (ResidencyState.Prefetching, ResidencyEvent.PrefetchAwaited, ResidencyState.Arriving),
        (ResidencyState.Arriving, ResidencyEvent.PrefetchCompleted, ResidencyState.Resident),
        (ResidencyState.Arriving, ResidencyEvent.PrefetchFailed, ResidencyState.Lost),
        (ResidencyState.Resident, ResidencyEvent.Died, ResidencyState.Dead),
        (ResidencyState.Offloading, ResidencyEvent.Died, ResidencyState.Dead),
        (ResidencyState.Offloaded, ResidencyEvent.Died, ResidencyState.Dead),
        (ResidencyState.Prefetching, ResidencyEvent.Died, ResidencyState.Dead),
        (ResidencyState.Arriving, ResidencyEvent.Died, ResidencyState.Dead),
        (ResidencyState.Lost, ResidencyEvent.Died, ResidencyState.Dead),
    ];

    private static IEnumerable<TestCaseData> EveryPair() =>
        from state in Enum.GetValues<ResidencyState>()
        from residencyEvent in Enum.GetValues<ResidencyEvent>()
        select new TestCaseData(state, residencyEvent);

    [TestCaseSource(nameof(EveryPair))]
    public void Takes_exactly_the_transitions_of_the_table(ResidencyState state, ResidencyEvent residencyEvent)
    {
        var expected = _table.Where(row => row.From == state && row.Event == residencyEvent).Select(row => (ResidencyState?)row.To).SingleOrDefault();

        bool taken = ResidencyTransitions.TryNext(state, residencyEvent, out ResidencyState next);

        Assert.That(taken ? next : (ResidencyState?)null, Is.EqualTo(expected));
    }

    [Test]
    public void A_refused_transition_names_state_and_event()
    {
        var error = Assert.Throws<InvalidOperationException>(() => ResidencyTransitions.Next(ResidencyState.Dead, ResidencyEvent.PrefetchStarted));

        Assert.That(error!.Message, Does.Contain("Dead").And.Contain("PrefetchStarted"));
    }

    [Test]
    public void Bytes_exist_somewhere_along_every_path_until_death_or_loss()
    {
        // Walks the whole graph: memory is valid in Resident/Offloading, the store in Offloaded/Prefetching/Arriving.
        var reached = new HashSet<ResidencyState> { ResidencyState.Resident };
        var open = new Queue<ResidencyState>(reached);
        while (open.TryDequeue(out ResidencyState state))
        {
            foreach (ResidencyEvent residencyEvent in Enum.GetValues<ResidencyEvent>())
            {
                if (ResidencyTransitions.TryNext(state, residencyEvent, out ResidencyState next) && reached.Add(next)) open.Enqueue(next);
            }
        }

        Assert.That(reached, Is.EquivalentTo(Enum.GetValues<ResidencyState>()));
        Assert.That(
            Enum.GetValues<ResidencyEvent>().Any(e => ResidencyTransitions.TryNext(ResidencyState.Resident, e, out var next) && next == ResidencyState.Offloaded),
            Is.False,
            "memory may only be given up through Offloading, where the store's copy is secured");
        Assert.That(
            Enum.GetValues<ResidencyState>().Where(s => Enum.GetValues<ResidencyEvent>().Any(e => ResidencyTransitions.TryNext(s, e, out var next) && next == ResidencyState.Lost)),
            Is.EqualTo(new[] { ResidencyState.Arriving }),
            "only what kernels were launched behind can be lost");
    }
}
