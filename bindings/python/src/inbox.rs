//! The way of answers to an event loop.
//!
//! A client or producer has one [`Inbox`] per event loop that uses it: a queue with a
//! descriptor that the loop watches, and the calls whose answers are due. The
//! loop alone owns the inbox, by the [`Reader`] that it was given for the
//! descriptor; the client refers to it weakly. So an inbox is gone with its
//! loop, whatever was pending, and with it its descriptor.
//!
//! When its client is closed or dropped, an inbox retires: it stays until its
//! last call is answered, and then takes itself out of the loop.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::iter;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use rivven_bridge::{Answer, Completion, ForkMark, Handling, Line, Queue, Rebalance, Topic};
use rivven_client::{DeliveryReport, Error, Properties, Result};

use crate::answer::Form;
use crate::client::{Remembered, Style};
use crate::deliveries::{Deliveries, Number, RECORDS, Spread, Waiter};
use crate::delivery::{self, Callback, Delivery, Outcome, Reported};
use crate::processing::Handled;
use crate::producer::Producing;
use crate::rebalance::Rebalancing;
use crate::{answer, error, transaction};

/// A completion under this token answers no call: it only wakes the loop.
const WAKE: u64 = 0;

/// What has inboxes: a client or a producer.
pub(crate) trait Owner: Send + Sync {
    /// The event loops that wait for its answers.
    fn inboxes(&self) -> &Inboxes;

    /// Whether it was closed; `FORKED` in a child.
    fn is_closed(&self) -> Result<bool>;

    /// The message of an error for users who see the text alone.
    fn explain(&self, error: &Error) -> String;
}

impl dyn Owner + '_ {
    /// The exception for an error of this owner.
    pub(crate) fn exception(&self, py: Python<'_>, error: &Error) -> PyErr {
        error::exception(py, error, &self.explain(error))
    }

    /// The result with its error as an exception.
    pub(crate) fn raising<T>(&self, py: Python<'_>, result: Result<T>) -> PyResult<T> {
        result.map_err(|error| self.exception(py, &error))
    }
}

/// The inboxes of one client or producer, by the identity of their loops.
#[derive(Default)]
pub(crate) struct Inboxes(Mutex<ByLoop>);

type ByLoop = HashMap<u64, Weak<Inbox>, BuildHasherDefault<Spread>>;

/// The calls of one client or producer from one event loop.
pub(crate) struct Inbox {
    event_loop: Py<PyAny>,
    calls: Mutex<Calls>,
    deliveries: Mutex<Deliveries>,
    /// Where records stand that wait for room.
    line: OnceLock<Line>,
    /// What is to be called for those that are settled.
    ready: Mutex<VecDeque<Ready>>,
    /// Who is told of rebalances, by their tokens; it belongs to its consumer, which often belongs to it.
    listeners: Mutex<HashMap<u64, Weak<Py<PyAny>>>>,
    retired: AtomicBool,
    /// Not dropped in a forked child: a thread of the parent may have been changing it.
    queue: ManuallyDrop<Arc<Queue>>,
    mark: ForkMark,
}

/// The calls that are not yet answered.
#[derive(Default)]
struct Calls {
    last_token: u64,
    open: HashMap<u64, Pending>,
}

/// A call whose answer is due.
struct Pending {
    owner: Weak<dyn Owner>,
    /// Keeps the owner alive until the answer has come; a change of state may never come.
    _kept: Option<Arc<dyn Owner>>,
    future: Py<PyAny>,
    then: Then,
}

/// A call that is to be begun, with this token and its answer to the queue of this inbox.
pub(crate) struct Entered<'py> {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) token: u64,
    future: Bound<'py, PyAny>,
}

impl<'py> Entered<'py> {
    /// The future, if the call was begun.
    pub(crate) fn begun(self, begun: PyResult<()>) -> PyResult<Bound<'py, PyAny>> {
        if let Err(failure) = begun {
            drop(self.inbox.take(self.token));
            return Err(failure);
        }
        Ok(self.future)
    }
}

/// A function that is to be called, as what became of a record is known.
enum Ready {
    /// Of somebody who waits for this delivery.
    Waiting(Py<Delivery>, Callback),
    /// Which was given with the record.
    Callback(Py<PyAny>, Outcome),
}

/// A record that is to be sent: its partition, its key and its value.
pub(crate) type Record<'a> = (Option<u32>, Option<&'a [u8]>, &'a [u8]);

/// What is done with an answer.
pub(crate) enum Then {
    /// The caller gets it in this form.
    Give(Form),
    /// The caller gets the next change of state, or None at the end.
    GiveChange,
    /// The caller gets this object.
    GiveObject(Py<PyAny>),
    /// The caller gets what belongs to this producer.
    GiveOf(Arc<Producing>),
    /// The caller gets the report of processing; the function is called for each record before.
    Process(Py<PyAny>),
    /// The caller gets the session; a client remembers the configuration with its login.
    Remember(Arc<Remembered>, Properties),
    /// The owner's inboxes retire.
    Retire,
}

impl Inboxes {
    /// Begins a call whose answer goes to a new future of the running event loop.
    ///
    /// Errors of `begin`, which is given the queue and a token, are raised at once.
    pub(crate) fn call<'py>(
        &self,
        py: Python<'py>,
        owner: &Arc<dyn Owner>,
        then: Then,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<()>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let entered = self.enter(py, owner, then)?;
        let begun = begin(&entered.inbox.queue, entered.token);
        entered.begun(owner.raising(py, begun))
    }

    /// Enters a call that is to be begun, whose answer goes to a new future of the running event loop.
    pub(crate) fn enter<'py>(&self, py: Python<'py>, owner: &Arc<dyn Owner>, then: Then) -> PyResult<Entered<'py>> {
        let closed = owner.raising(py, owner.is_closed())?;
        let event_loop = running_loop(py)?;
        let future = event_loop.call_method0(intern!(py, "create_future"))?;
        let inbox = self.of(&event_loop)?;
        if closed {
            inbox.retired.store(true, Ordering::Relaxed);
        }
        // Before it is begun, as the answer may come at any time then.
        let kept = (!matches!(then, Then::GiveChange)).then(|| Arc::clone(owner));
        let weak = Arc::downgrade(owner);
        let token = inbox.enter(Pending { owner: weak, _kept: kept, future: future.clone().unbind(), then });
        Ok(Entered { inbox, token, future })
    }

    /// The inbox of a loop, made at the first call from it.
    pub(crate) fn of(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Inbox>> {
        let identity = event_loop.as_ptr() as u64;
        let known = self.lock().get(&identity).and_then(Weak::upgrade);
        if let Some(inbox) = known {
            return Ok(inbox);
        }
        // The lock is not held meanwhile, since the loop's methods may let
        // other threads run; no other thread makes an inbox of this loop.
        let inbox = Inbox::open(event_loop)?;
        let mut inboxes = self.lock();
        inboxes.retain(|_, inbox| inbox.strong_count() > 0);
        inboxes.insert(identity, Arc::downgrade(&inbox));
        Ok(inbox)
    }

    /// Lets every inbox go as soon as its calls are answered; waits for nothing.
    pub(crate) fn retire(&self) {
        let inboxes = std::mem::take(&mut *self.lock());
        inboxes.values().filter_map(Weak::upgrade).for_each(|inbox| inbox.retire());
    }

    fn lock(&self) -> MutexGuard<'_, ByLoop> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// An inbox whose descriptor the loop watches.
    fn open(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let py = event_loop.py();
        let queue = Queue::with_descriptor().map_err(|error| error::plain(py, &Error::from(error)))?;
        let inbox = Arc::new(Inbox {
            event_loop: event_loop.clone().unbind(),
            calls: Mutex::default(),
            deliveries: Mutex::default(),
            line: OnceLock::new(),
            ready: Mutex::default(),
            listeners: Mutex::default(),
            retired: AtomicBool::new(false),
            queue: ManuallyDrop::new(queue),
            mark: ForkMark::here(),
        });
        let reader = Reader { inbox: Arc::clone(&inbox) };
        event_loop.call_method1(intern!(py, "add_reader"), (inbox.queue.descriptor(), reader))?;
        Ok(inbox)
    }

    fn enter(&self, pending: Pending) -> u64 {
        let mut calls = self.lock();
        calls.last_token += 1;
        let token = calls.last_token;
        calls.open.insert(token, pending);
        token
    }

    /// Where answers go.
    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    fn take(&self, token: u64) -> Option<Pending> {
        self.lock().open.remove(&token)
    }

    fn retire(&self) {
        if self.mark.is_here() {
            self.retired.store(true, Ordering::Relaxed);
            self.queue.push(Completion { token: WAKE, result: Ok(Answer::Done) });
        }
    }

    /// Completes everything that was answered; runs on the loop's thread.
    ///
    /// In a forked child the descriptor is still the parent's: reading it
    /// would take away the parent's signal.
    fn drain(&self, reader: &Bound<'_, Reader>) -> PyResult<()> {
        let py = reader.py();
        if !self.mark.is_here() {
            return Ok(());
        }
        for Completion { token, result } in self.queue.drain() {
            if let Err(failure) = self.settle(py, token, result) {
                failure.write_unraisable(py, Some(self.event_loop.bind(py)));
            }
        }
        self.call_ready(reader)?;
        let idle = self.lock().open.is_empty() && self.deliveries().is_idle();
        if idle && self.retired.load(Ordering::Relaxed) {
            let event_loop = self.event_loop.bind(py);
            event_loop.call_method1(intern!(py, "remove_reader"), (self.queue.descriptor(),))?;
        }
        Ok(())
    }

    /// Gives one answer to whoever it is for. Nothing is locked where objects go, which may run code of the user's.
    fn settle(&self, py: Python<'_>, token: u64, result: Result<Answer>) -> PyResult<()> {
        match result {
            Ok(Answer::Deliveries(report)) => self.reported(py, report),
            Ok(Answer::Handling(handling)) => self.handle(py, token, handling),
            Ok(Answer::Rebalance(rebalance)) => self.rebalanced(py, token, rebalance),
            Err(error) if token & RECORDS != 0 => {
                let waiter = self.deliveries().take(token);
                waiter.map_or(Ok(()), |waiter| self.settled(py, waiter, Outcome::failed(py, &error)))
            }
            result => self.take(token).map_or(Ok(()), |pending| pending.settle(py, result)),
        }
    }

    /// Has the function called that begins with a record.
    fn handle(&self, py: Python<'_>, token: u64, handling: Handling) -> PyResult<()> {
        let function = match self.lock().open.get(&token).map(|pending| &pending.then) {
            Some(Then::Process(function)) => function.clone_ref(py),
            _ => return Ok(()),
        };
        function.bind(py).call1((Handled::new(handling),)).map(drop)
    }

    /// Has a function called, as long as it is there, for each rebalance that comes under the token given to `begin`.
    pub(crate) fn listen(
        &self,
        function: &Arc<Py<PyAny>>,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<()>,
    ) -> Result<()> {
        let mut calls = self.lock();
        calls.last_token += 1;
        let token = calls.last_token;
        drop(calls);
        let mut listeners = self.listeners();
        listeners.retain(|_, function| function.strong_count() > 0);
        listeners.insert(token, Arc::downgrade(function));
        drop(listeners);
        begin(&self.queue, token)
    }

    fn rebalanced(&self, py: Python<'_>, token: u64, rebalance: Rebalance) -> PyResult<()> {
        let listener = self.listeners().get(&token).and_then(Weak::upgrade);
        let Some(listener) = listener else { return Ok(()) };
        listener.bind(py).call1((Rebalancing::new(rebalance),)).map(drop)
    }

    fn listeners(&self) -> MutexGuard<'_, HashMap<u64, Weak<Py<PyAny>>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reported(&self, py: Python<'_>, report: DeliveryReport) -> PyResult<()> {
        let waiters = self.deliveries().reported(&report);
        let reported = Reported::new(py, report)?;
        waiters.into_iter().try_for_each(|(at, waiter)| self.settled(py, waiter, Reported::outcome(&reported, py, at)))
    }

    /// Notes what became of a record, and what is to be called for that.
    fn settled(&self, py: Python<'_>, waiter: Waiter, outcome: Outcome) -> PyResult<()> {
        let delivery = match waiter {
            Waiter::Callback(function) => {
                self.ready().push_back(Ready::Callback(function, outcome));
                return Ok(());
            }
            Waiter::Awaitable(delivery) => delivery,
        };
        if let Some((first, others)) = delivery.get().settle(outcome) {
            let all = iter::once(first).chain(others);
            self.ready().extend(all.map(|callback| Ready::Waiting(delivery.clone_ref(py), callback)));
        }
        Ok(())
    }

    /// Calls what is to be called.
    ///
    /// It is called here and not scheduled one by one, as the loop itself has called this.
    fn call_ready(&self, reader: &Bound<'_, Reader>) -> PyResult<()> {
        let py = reader.py();
        let event_loop = self.event_loop.bind(py);
        loop {
            let Some(ready) = self.ready().pop_front() else { return Ok(()) };
            let called = match ready {
                Ready::Waiting(delivery, callback) => callback.run(py, &delivery),
                Ready::Callback(function, outcome) => {
                    delivery::told(py, &outcome).and_then(|told| function.bind(py).call1(told)).map(drop)
                }
            };
            if let Err(failure) = delivery::contained(py, event_loop, called) {
                // The program ends, perhaps: should the loop go on, so does this.
                event_loop.call_method1(intern!(py, "call_soon"), (reader,))?;
                return Err(failure);
            }
        }
    }

    /// Hands a record over, or has it stand in line; awaiting the result gives what became of it.
    pub(crate) fn send<'py>(
        &self,
        py: Python<'py>,
        producer: &Arc<Producing>,
        topic: &Topic,
        record: Record<'_>,
    ) -> PyResult<Bound<'py, Delivery>> {
        let event_loop = self.event_loop.clone_ref(py);
        let sent = self.deliveries().next(producer, &self.queue).and_then(|number| {
            topic.enqueue_in_line(record, number.tag, self.line(producer)?, &self.queue, number.token())?;
            Ok(number)
        });
        match sent {
            Ok(number) => {
                let delivery = Bound::new(py, Delivery::new(event_loop))?;
                // Only this thread takes reports, and not before this returns.
                self.wait_for(producer, number, Waiter::Awaitable(delivery.clone().unbind()));
                Ok(delivery)
            }
            Err(error) => Bound::new(py, Delivery::refused(event_loop, Outcome::failed(py, &error))),
        }
    }

    /// Hands a record over, and has a function called once it is known what became of it.
    pub(crate) fn enqueue(
        &self,
        producer: &Arc<Producing>,
        topic: &Topic,
        (partition, key, value): Record<'_>,
        on_delivery: Py<PyAny>,
    ) -> Result<()> {
        let number = self.deliveries().next(producer, &self.queue)?;
        topic.enqueue(partition, key, value, number.tag)?;
        self.wait_for(producer, number, Waiter::Callback(on_delivery));
        Ok(())
    }

    fn wait_for(&self, producer: &Arc<Producing>, number: Number, waiter: Waiter) {
        let mut deliveries = self.deliveries();
        deliveries.keep(producer);
        deliveries.enter(number, waiter);
    }

    /// Where records of this loop stand that wait for room.
    pub(crate) fn line(&self, producer: &Producing) -> Result<&Line> {
        match self.line.get() {
            Some(line) => Ok(line),
            None => {
                let line = producer.bridge.line()?;
                Ok(self.line.get_or_init(|| line))
            }
        }
    }

    fn ready(&self) -> MutexGuard<'_, VecDeque<Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the queue is dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.queue) };
        }
    }
}

impl Pending {
    /// Completes the future, unless it was cancelled.
    fn settle(self, py: Python<'_>, result: Result<Answer>) -> PyResult<()> {
        let owner = self.owner.upgrade();
        // Also where nobody waits any more.
        match (&self.then, &owner, &result) {
            (Then::Retire, Some(owner), _) => owner.inboxes().retire(),
            (Then::Remember(remembered, properties), _, Ok(_)) => remembered.replace(properties),
            _ => {}
        }
        let future = self.future.bind(py);
        if future.call_method0(intern!(py, "done"))?.is_truthy()? {
            return Ok(());
        }
        match self.then.give(py, owner.as_deref(), result) {
            Ok(object) => future.call_method1(intern!(py, "set_result"), (object,))?,
            Err(error) => future.call_method1(intern!(py, "set_exception"), (error.into_value(py),))?,
        };
        Ok(())
    }
}

impl Then {
    /// What the caller gets; the owner is gone where it did not have to wait for the answer.
    fn give<'py>(
        &self,
        py: Python<'py>,
        owner: Option<&dyn Owner>,
        result: Result<Answer>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(owner) = owner else { return Ok(py.None().into_bound(py)) };
        if let (Then::GiveChange, Err(_), Ok(true)) = (self, &result, owner.is_closed()) {
            return Ok(py.None().into_bound(py));
        }
        let answer = owner.raising(py, result)?;
        match self {
            Then::Give(form) => answer::to_python(py, owner, answer, form),
            Then::GiveChange | Then::Process(_) | Then::Remember(..) => {
                answer::to_python(py, owner, answer, &Form::Plain)
            }
            Then::GiveOf(producing) => transaction::to_python(py, producing, answer, Style::Asyncio),
            Then::GiveObject(object) => Ok(object.bind(py).clone()),
            Then::Retire => Ok(py.None().into_bound(py)),
        }
    }
}

/// What an event loop calls when the descriptor of its inbox is readable.
#[pyclass(frozen, module = "rivven._rivven")]
struct Reader {
    inbox: Arc<Inbox>,
}

#[pymethods]
impl Reader {
    fn __call__(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().inbox.drain(slf)
    }

    /// Shows the garbage collector the cycle loop, reader, future, loop.
    ///
    /// There is one reader of an inbox, so nothing is counted twice.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.inbox.event_loop)?;
        // The calls are locked only for a moment and under the GIL, which the collector has.
        let Ok(calls) = self.inbox.calls.try_lock() else { return Ok(()) };
        for pending in calls.open.values() {
            visit.call(&pending.future)?;
            if let Then::GiveObject(object) | Then::Process(object) = &pending.then {
                visit.call(object)?;
            }
        }
        let Ok(deliveries) = self.inbox.deliveries.try_lock() else { return Ok(()) };
        deliveries.waiters().try_for_each(|waiter| visit.call(waiter.object()))?;
        let Ok(ready) = self.inbox.ready.try_lock() else { return Ok(()) };
        ready.iter().try_for_each(|ready| match ready {
            Ready::Waiting(delivery, _) => visit.call(delivery),
            Ready::Callback(function, _) => visit.call(function),
        })
    }

    fn __clear__(&self) {
        let open = std::mem::take(&mut self.inbox.lock().open);
        let deliveries = std::mem::take(&mut *self.inbox.deliveries());
        let ready = std::mem::take(&mut *self.inbox.ready());
        drop((open, deliveries, ready));
    }
}

/// The event loop of the calling thread; RuntimeError if there is none.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GET.import(py, "asyncio", "get_running_loop")?
        .call0()
        .map_err(|_| PyRuntimeError::new_err("no running event loop: call it from a coroutine, or use rivven.blocking"))
}
