"""The worker's end: nothing of it uses the database afterwards."""

import asyncio
from contextlib import asynccontextmanager

from ocpplab_graphql.sandbox.database import Database, open_database
from ocpplab_graphql.sandbox.jobs import Worker

LEFT_BEHIND = """insert into jobs
(id, cpo_id, organization_id, job_type, status, workflow_run_id, created_at)
select 'left behind', id, organization_id, 'create_cpo', 'PENDING', 'wfr_1', created_at from cpos where id = 101"""


class SlowlyRead(Database):
    """Hands on what was read only when told to, and notes which tasks write."""

    def __init__(self, database):
        self.__dict__ = database.__dict__
        self.pool = database._engine.pool
        self.reads = asyncio.Semaphore(0)
        self.told = asyncio.Event()
        self.writers = []

    @asynccontextmanager
    async def reading(self):
        async with super().reading() as connection:
            yield connection
        self.reads.release()
        await self.told.wait()

    @asynccontextmanager
    async def writing(self):
        self.writers.append(asyncio.current_task().get_name())
        async with super().writing() as connection:
            yield connection


async def test_a_worker_that_is_stopped_while_it_reads_the_jobs_takes_none_up(database, sql):
    slow = SlowlyRead(await open_database(database))
    sql(database, LEFT_BEHIND)
    worker = Worker(slow, step_delay_s=0)
    worker.start()
    for _ in ("the jobs", "what has expired"):
        await slow.reads.acquire()

    stopping = asyncio.create_task(worker.stop(), name="stop")
    await asyncio.sleep(0)
    slow.told.set()
    await stopping
    left = [task.get_name() for task in asyncio.all_tasks()]
    await slow.close()

    assert slow.writers == ["stop"]
    assert not [name for name in left if name.startswith("job ")]
    assert slow.pool.checkedout() == 0
    assert sql(database, "select status from jobs where id = 'left behind'") == [["PENDING"]]
