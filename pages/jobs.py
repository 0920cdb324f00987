"""Jobs: long work, running and ended."""

import streamlit as st

from mammo import jobs
from pages.parts.jobs import job_list
from pages.shared.base import choose
from pages.shared.views import job_card

home = choose.home()
st.title("Jobs")
if home.shared:
    st.info("This home is only looked at: nothing is started here.", icon=":material/info:")
    st.stop()
st.caption("Work goes on when this page is closed or the server is restarted.")
known = jobs.jobs(home)
if not known:
    st.info("Nothing has been started from the dashboard yet.", icon=":material/info:")
    st.stop()
for job in job_list.paged(job_list.filtered(known)):
    job_card.card(home, job)
